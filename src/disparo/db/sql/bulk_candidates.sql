-- Whom the invoices of a slice go to, by the rules of domain/recipients.py, over whole slices: the register's
-- numbers, then contacts', one per normalised number, none that opted out. Not a statement: bulk_queue.sql
-- and bulk_simulate.sql go on where it ends. Each LIMIT, and the OFFSET, makes its step a look-up by index: a
-- slice costs the same however large the tables are. $1 invoice ids, $2 reasons against
-- an invoice that do not count.
WITH found AS MATERIALIZED (
    SELECT i.id, i.customer_id, i.amount, i.due_date, i.link, i.linha_digitavel, i.pix, c.name, c.uf,
           c.sms_numbers, c.no_sms,
           CASE WHEN i.status = 'cancelled' THEN 'invoice_cancelled'
                WHEN i.status = 'paid' AND 'invoice_paid' <> ALL($2::text[]) THEN 'invoice_paid'
                WHEN i.amount = 0 AND 'invoice_zero' <> ALL($2::text[]) THEN 'invoice_zero' END AS why_not
    FROM unnest($1::bigint[]) AS s (id)
    CROSS JOIN LATERAL (SELECT * FROM invoices WHERE id = s.id LIMIT 1) i
    CROSS JOIN LATERAL (SELECT * FROM customers WHERE id = i.customer_id LIMIT 1) c
), people AS MATERIALIZED (
    SELECT id, customer_id, NULL::bigint AS contact_id, name, sms_numbers, no_sms
    FROM found WHERE why_not IS NULL
    UNION ALL
    SELECT f.id, f.customer_id, k.id, coalesce(nullif(k.name, ''), f.name), k.sms_numbers, k.no_sms
    FROM found f CROSS JOIN LATERAL (SELECT * FROM contacts WHERE customer_id = f.customer_id OFFSET 0) k
    WHERE f.why_not IS NULL
), numbers AS (
    SELECT id, customer_id, contact_id, name, n.phone, n.place,
           '+55' || left(n.phone, 2) || CASE WHEN length(n.phone) = 10 THEN '9' ELSE '' END || substr(n.phone, 3)
               AS e164
    FROM people, unnest(sms_numbers) WITH ORDINALITY AS n (phone, place)
), candidates AS MATERIALIZED (
    SELECT DISTINCT ON (id, e164) * FROM numbers ORDER BY id, e164, contact_id NULLS FIRST, place
), sendable AS MATERIALIZED (
    SELECT * FROM candidates c WHERE (SELECT true FROM opt_outs o WHERE o.e164 = c.e164 LIMIT 1) IS NULL
), refused_numbers AS (
    SELECT p.id, p.contact_id, n.place, n.reason, n.phone,
           CASE WHEN n.reason = 'no_permission' AND length(n.phone) = 10
                THEN left(n.phone, 2) || '9' || substr(n.phone, 3) ELSE n.phone END AS number
    FROM people p, LATERAL (SELECT place, split_part(said, ':', 1) AS reason, split_part(said, ':', 2) AS phone
                            FROM unnest(p.no_sms) WITH ORDINALITY AS u (said, place)) n
), without_sms AS (
    SELECT DISTINCT ON (id, number) id, reason, phone, number FROM refused_numbers
    ORDER BY id, number, contact_id NULLS FIRST, place
), tally AS (
    SELECT 'invoices' AS what, cardinality($1::bigint[])::bigint AS count
    UNION ALL
    SELECT 'unread', count(*) FROM people WHERE sms_numbers IS NULL  -- the caller gives up: see db/numbers.py
    UNION ALL
    SELECT 'invoice_unknown', cardinality($1::bigint[]) - (SELECT count(*) FROM found)
    UNION ALL
    SELECT why_not, count(*) FROM found WHERE why_not IS NOT NULL GROUP BY 1
    UNION ALL
    SELECT 'nobody', count(*) FROM found f
    WHERE why_not IS NULL AND NOT EXISTS (SELECT FROM sendable s WHERE s.id = f.id)
    UNION ALL
    SELECT 'opted_out', (SELECT count(*) FROM candidates) - (SELECT count(*) FROM sendable)
    UNION ALL
    SELECT reason, count(*) FROM without_sms w
    WHERE NOT EXISTS (SELECT FROM candidates c WHERE c.id = w.id AND c.e164 = '+55' || w.number) GROUP BY 1
)
