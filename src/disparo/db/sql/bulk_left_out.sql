-- Goes on from bulk_candidates.sql: who of a slice would get nothing and why, one row an invoice, or a number of
-- one that goes. A row `unread` has the caller give up: see db/numbers.py. $3 invoices, each with its number in $4: what
-- the frequency caps leave out.
, left_out (reason, id, phone) AS (
    SELECT 'unread', id, NULL FROM people WHERE sms_numbers IS NULL
    UNION ALL
    SELECT 'invoice_unknown', s.id, NULL FROM unnest($1::bigint[]) AS s (id)
    WHERE NOT EXISTS (SELECT FROM found f WHERE f.id = s.id)
    UNION ALL
    SELECT why_not, id, NULL FROM found WHERE why_not IS NOT NULL
    UNION ALL
    SELECT 'nobody', id, NULL FROM found f
    WHERE why_not IS NULL AND NOT EXISTS (SELECT FROM sendable s WHERE s.id = f.id)
    UNION ALL
    SELECT 'opted_out', id, phone FROM candidates c
    WHERE NOT EXISTS (SELECT FROM sendable s WHERE s.id = c.id AND s.e164 = c.e164)
    UNION ALL
    SELECT 'too_often', s.id, s.phone FROM sendable s
    WHERE (s.id, s.e164) IN (SELECT * FROM unnest($3::bigint[], $4::text[]))
    UNION ALL
    SELECT reason, id, phone FROM without_sms w
    WHERE NOT EXISTS (SELECT FROM candidates c WHERE c.id = w.id AND c.e164 = '+55' || w.number)
)
SELECT l.reason, l.id AS invoice_id, f.customer_id, f.name, l.phone
FROM left_out l LEFT JOIN found f ON f.id = l.id ORDER BY l.id, l.phone NULLS FIRST, l.reason
