-- What accepting needs to know of invoices and their customers; contacts as a JSON list.
-- $1 invoice ids.
SELECT i.id AS invoice_id, i.status, i.paid_at, i.due_date, i.amount, c.id AS customer_id, c.name, c.uf,
       c.phone_1, c.phone_1_allowed, c.phone_2, c.phone_2_allowed, c.phone_3, c.phone_3_allowed,
       (SELECT json_agg(json_build_array(k.id, k.name, k.phone, k.sms_allowed) ORDER BY k.id)
        FROM contacts k WHERE k.customer_id = c.id) AS contacts
FROM invoices i JOIN customers c ON c.id = i.customer_id
WHERE i.id = ANY($1::bigint[])
