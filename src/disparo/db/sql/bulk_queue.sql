-- Goes on from bulk_everybody.sql, bulk_others.sql or bulk_overtaken.sql: stores a slice's messages in chunks of
-- 500 that are due at one moment, and what was left out. $3 dispatch, $4 due, $5 actor; where it is closed at $4: $6 overdue?,
-- $7 state ('': unknown), $8 area code, $9 opens, $10 what is due before that day is overdue by then;
-- $11 since when they wait, where they are queued late: nobody was there to do it, and `timeout` is counted from then.
, closed AS MATERIALIZED (
    SELECT * FROM unnest($6::bool[], $7::text[], $8::text[], $9::timestamptz[], $10::date[])
                    AS c (overdue, uf, ddd, opens_at, opens_on)
), due AS MATERIALIZED (
    SELECT s.*, coalesce(c.opens_at, $4::timestamptz) AS due_at
    FROM going s JOIN found f ON f.id = s.id
    LEFT JOIN closed c
           ON c.overdue = (f.due_date < c.opens_on) AND c.uf = coalesce(f.uf, '') AND c.ddd = left(s.phone, 2)
), placed AS (
    SELECT d.*, (row_number() OVER (PARTITION BY due_at ORDER BY id, contact_id NULLS FIRST, place) - 1) / 500 AS nth
    FROM due d
), ranked AS MATERIALIZED (
    SELECT p.*, dense_rank() OVER (ORDER BY due_at, nth) AS chunk FROM placed p
), chunks AS MATERIALIZED (
    SELECT array_agg(nextval('bulk_chunks_id_seq')) AS ids
    FROM generate_series(1, (SELECT max(chunk) FROM ranked))
), stored_chunks AS (
    INSERT INTO bulk_chunks (chunk_id, dispatch_id, due_at)
    SELECT (SELECT ids FROM chunks)[chunk], $3, due_at FROM (SELECT DISTINCT chunk, due_at FROM ranked) c
), stored AS (
    INSERT INTO messages (dispatch_id, invoice_id, customer_id, contact_id, origin, name, phone, e164, reference,
                          due_at, wait_since, chunk_id, actor)
    SELECT $3, p.id, p.customer_id, p.contact_id,
           CASE WHEN p.contact_id IS NULL THEN 'customer' ELSE 'contact' END, p.name, p.phone, p.e164,
           lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')  -- as domain/ids.py
               || right(replace(gen_random_uuid()::text, '-', ''), 20), p.due_at,
           coalesce($11::timestamptz, p.due_at), (SELECT ids FROM chunks)[p.chunk], $5
    FROM ranked p
)
INSERT INTO bulk_tallies (dispatch_id, what, count)
SELECT $3, what, count FROM tally WHERE count > 0
UNION ALL
SELECT $3, 'repeated', count FROM repeated WHERE count > 0
UNION ALL
SELECT $3, 'messages', count(*) FROM going HAVING count(*) > 0
RETURNING what, count
