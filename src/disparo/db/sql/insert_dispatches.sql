-- Stores accepted calls: dispatches, and their messages in the same statement. Gives the transaction's number.
-- $1 dispatch ids, $2 invoices, $3 purposes, $4 clients, $5 users, $6 start times, $7 ignored phones (JSON),
-- $8 chunks, $9 actors; of all of them: $10 queue, $11 tries, $12 timeout (s);
-- of the messages: $13 place of its dispatch, from 1, $14 customer, $15 contact, $16 origin, $17 name, $18 phone,
-- $19 E.164, $20 reference.
WITH new AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::timestamptz[], $7::text[],
                         $8::bigint[], $9::text[]) WITH ORDINALITY
        AS d (id, invoice_id, purpose, client_id, user_id, starts_at, ignored, chunk_id, actor, place)
),
dispatch AS (
    INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, client_id, user_id, starts_at, ignored)
    SELECT id, $10, purpose, $11, $12, ARRAY[invoice_id], client_id, user_id, starts_at, ignored::jsonb FROM new
),
message AS (
    INSERT INTO messages (dispatch_id, invoice_id, customer_id, contact_id, origin, name, phone, e164, reference,
                          due_at, wait_since, chunk_id, actor)
    SELECT d.id, d.invoice_id, m.customer_id, m.contact_id, m.origin, m.name, m.phone, m.e164, m.reference,
           d.starts_at, d.starts_at, d.chunk_id, d.actor
    FROM unnest($13::bigint[], $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[],
                $20::text[])
        AS m (place, customer_id, contact_id, origin, name, phone, e164, reference)
    JOIN new d ON d.place = m.place
)
SELECT pg_current_xact_id()::text
