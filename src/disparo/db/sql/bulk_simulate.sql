-- Goes on from bulk_candidates.sql: what a slice would come to, and changes nothing. Texts are told apart by
-- what makes their length: how many plain signs, and the others as they stand (`_` is one sign in GSM-7, `~`
-- two; some platforms cut at blanks); sign by sign only where there are others, for that takes ten times as long.
-- Each group stands for one length of text; `id` is one of its invoices. Of a name
-- it is the word that domain/template.py calls the first: behind titles, and none of an office's notes. $3 today;
-- $4 invoices, each with its number in $5: what the frequency caps leave out; $6 the area codes that
-- some platform names: `ddd` is one of them, or NULL; where it is closed now, as in bulk_queue.sql: $7 overdue?, $8
-- state, $9 area code, $10 opens, $11 opens on. `opens_at`: when it may go, where that is later. `overdue`: by the day on
-- which it goes, as its text has it.
, closed AS MATERIALIZED (
    SELECT * FROM unnest($7::bool[], $8::text[], $9::text[], $10::timestamptz[], $11::date[])
                    AS c (overdue, uf, ddd, opens_at, opens_on)
), going AS MATERIALIZED (
    SELECT *, CASE WHEN left(s.phone, 2) = ANY($6::text[]) THEN left(s.phone, 2) END AS ddd FROM sendable s
    WHERE (s.id, s.e164) NOT IN (SELECT * FROM unnest($4::bigint[], $5::text[]))
), timed AS MATERIALIZED (
    SELECT s.id, s.ddd, c.opens_at, coalesce(c.overdue, f.due_date < $3::date) AS overdue
    FROM going s JOIN found f ON f.id = s.id
    LEFT JOIN closed c
           ON c.overdue = (f.due_date < c.opens_on) AND c.uf = coalesce(f.uf, '') AND c.ddd = left(s.phone, 2)
), reached AS (
    SELECT f.*, s.ddd, s.overdue, s.opens_at, s.messages
    FROM found f
    JOIN (SELECT id, ddd, overdue, opens_at, count(*) AS messages FROM timed GROUP BY 1, 2, 3, 4) s ON s.id = f.id
), called AS (
    SELECT r.*, coalesce(substring(regexp_replace(name,
               '^(\s*(sra?|srta|dra?|dona|profa?|eng[ao]?|d)(\(a\)|\.?[ªº]|\.[ao](?=\s|$))?(\.+|(?=\s|$)|(?<=[ªº)])))+',
               '', 'i') from '\S+'), name) AS word
    FROM reached r
), shapes AS (
    SELECT min(id) AS id, min(name) AS customer_name, min(amount) AS amount, min(due_date) AS due_date, min(link) AS link,
           min(linha_digitavel) AS linha_digitavel, min(pix) AS pix, sum(messages)::bigint AS count, ddd, overdue, opens_at
    FROM called
    GROUP BY ddd, overdue, opens_at, length(amount::text),
             CASE WHEN word ~* '^(falecid[oa]|esp[oóÓ]lio|inadimplente|cancelad[oa]|bloquead[oa]|n[aãÃ]o)$' THEN ''
                  ELSE regexp_replace(word, '[A-Za-z]', 'x', 'g') END,
             CASE WHEN link ~ '[^A-Za-z0-9:/.?=&%_#+-]' THEN regexp_replace(link, '[A-Za-z0-9:/.?=&%_#+-]', 'x', 'g')
                  ELSE repeat('x', length(link)) END,
             length(linha_digitavel) - length(translate(linha_digitavel, '0123456789', '')),
             (SELECT string_agg(CASE WHEN part ~ '[^A-Za-z0-9:/.?=&%_#+*-]'
                                     THEN regexp_replace(part, '[A-Za-z0-9:/.?=&%_#+*-]', 'x', 'g')
                                     ELSE repeat('x', length(part)) END, ' ')
              FROM string_to_table(pix, ' ') AS parts (part))
)
SELECT 'shape' AS what, count, id, customer_name, amount, due_date, link, linha_digitavel, pix, ddd, overdue, opens_at
FROM shapes
UNION ALL
SELECT what, count, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM tally WHERE count > 0
UNION ALL
SELECT 'too_often', cardinality($4::bigint[]), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
WHERE cardinality($4::bigint[]) > 0
UNION ALL
SELECT 'recent', count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM going s
WHERE (SELECT true FROM messages m
       WHERE m.invoice_id = s.id AND m.e164 = s.e164
         AND m.status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled')
         AND (m.created_at > now() - interval '1 day' OR m.status IN ('queued', 'claimed', 'sending', 'held')
              OR (SELECT started_at FROM attempts WHERE id = m.attempt_id) > now() - interval '1 day') LIMIT 1)
