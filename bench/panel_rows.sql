-- A million messages for bench/panel.py: half in one bulk run, half in calls of their own, over thirty days.
-- $1 how many; statements are parted by an empty line.
INSERT INTO customers (id, name, uf, phone_1)
SELECT id, 'CLIENTE ' || id, 'SP', '119' || lpad(id::text, 8, '0')
FROM generate_series(1, $1::bigint) AS t (id);

INSERT INTO invoices (id, customer_id, amount, due_date, link)
SELECT id, 1 + (id - 1) % greatest($1 / 10, 1), 99.90, current_date + 5, 'https://faturas.example.com/' || id
FROM generate_series(1, $1::bigint) AS t (id);

INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, created_at, starts_at)
SELECT '00000000-0000-0000-0000-000000000001', 'bulk', 'sms', 'notice', 1, 172800, ARRAY[1::bigint],
       now() - interval '30 days', now()
WHERE $1::bigint > 0;

INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, created_at, starts_at)
SELECT lpad(to_hex(id), 32, '0')::uuid, 'sms', 'requested', 1, 172800, ARRAY[id],
       now() - interval '30 days' * (1 - id::float8 / $1), now()
FROM generate_series($1 / 2 + 1, $1::bigint) AS t (id);

INSERT INTO messages (dispatch_id, invoice_id, customer_id, origin, name, phone, e164, reference, status, actor,
                      created_at, changed_at, due_at, wait_since, chunk_id, platform, segments)
SELECT CASE WHEN id <= $1 / 2 THEN '00000000-0000-0000-0000-000000000001'
            ELSE lpad(to_hex(id), 32, '0')::uuid END,
       id, 1 + (id - 1) % greatest($1 / 10, 1), 'customer', 'CLIENTE ' || id,
       '119' || lpad((id % 200000)::text, 8, '0'), '+55119' || lpad((id % 200000)::text, 8, '0'), md5(id::text),
       CASE WHEN id % 997 = 0 THEN 'failed' WHEN id % 49999 = 0 THEN 'uncertain'
            WHEN id % 99991 = 0 THEN 'held' WHEN id % 333331 = 0 THEN 'sent' ELSE 'delivered' END,
       'worker', now() - interval '30 days' * (1 - id::float8 / $1), now(), now(), now(),
       CASE WHEN id <= $1 / 2 THEN -1 ELSE 1 END, 'simulador', 1
FROM generate_series(1, $1::bigint) AS t (id);

INSERT INTO attempts (message_id, platform, worker_id, started_at, finished_at, outcome, latency_ms)
SELECT id, 'simulador', gen_random_uuid(), created_at, created_at, 'accepted', 40 FROM messages
WHERE id <= $1::bigint;

UPDATE messages m SET attempt_id = a.id FROM attempts a
WHERE a.message_id = m.id AND m.status = 'uncertain' AND m.id <= $1::bigint;

UPDATE message_events e SET at = m.created_at FROM messages m WHERE m.id = e.message_id AND m.id <= $1::bigint;

INSERT INTO audit_log (at, actor, action)
SELECT now() - interval '30 days' * (1 - id::float8 / $1), 'user:' || (id % 20), 'text_viewed'
FROM generate_series(1, $1::bigint / 10) AS t (id)
