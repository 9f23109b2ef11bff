-- Stores accepted calls: dispatches, and their messages in the same statement. Gives the transaction's number.
-- $1 dispatch ids, $2 invoices, $3 purposes, $4 clients, $5 users, $6 start times, $7 ignored phones (JSON),
-- $8 queue, $9 tries, $10 timeout (s);
-- of the messages: $11 dispatch, $12 invoice, $13 customer, $14 contact, $15 origin, $16 name, $17 phone,
-- $18 E.164, $19 reference, $20 due, $21 chunk, $22 actor.
WITH dispatch AS (
    INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, client_id, user_id, starts_at, ignored)
    SELECT d.id, $8, d.purpose, $9, $10, ARRAY[d.invoice_id], d.client_id, d.user_id, d.starts_at, d.ignored::jsonb
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::timestamptz[], $7::text[])
        AS d (id, invoice_id, purpose, client_id, user_id, starts_at, ignored)
),
message AS (
    INSERT INTO messages (dispatch_id, invoice_id, customer_id, contact_id, origin, name, phone, e164, reference,
                          due_at, wait_since, chunk_id, actor)
    SELECT m.dispatch_id, m.invoice_id, m.customer_id, m.contact_id, m.origin, m.name, m.phone, m.e164, m.reference,
           m.due_at, m.due_at, m.chunk_id, m.actor
    FROM unnest($11::uuid[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::text[], $17::text[],
                $18::text[], $19::text[], $20::timestamptz[], $21::bigint[], $22::text[])
        AS m (dispatch_id, invoice_id, customer_id, contact_id, origin, name, phone, e164, reference, due_at,
              chunk_id, actor)
)
SELECT pg_current_xact_id()::text
