-- Everything the last look before the start needs, read again now (docs/delivery.md §5).
-- $1 claimed message ids.
SELECT m.id, m.invoice_id, m.origin, m.e164, m.reference, m.due_at, m.tries,
       m.not_taken, m.platform, d.purpose, d.timeout_s, d.id AS dispatch_id, d.kind = 'single' AS urgent,
       d.cancelled_at IS NOT NULL OR r.state = 'cancelled' AS is_cancelled,
       greatest(m.wait_since, r.resumed_at) AS wait_since, r.state AS run_state,
       i.id IS NOT NULL AS invoice_exists, i.status AS invoice_status, i.amount, i.due_date, i.link,
       i.linha_digitavel, i.pix, i.source AS invoice_source, i.customer_id <> m.customer_id AS is_anothers,
       extract(epoch FROM now() - i.checked_at)::float8 AS invoice_age_s,
       c.name AS customer_name, c.uf,
       c.phone_1, c.phone_1_allowed, c.phone_2, c.phone_2_allowed, c.phone_3, c.phone_3_allowed,
       k.phone AS contact_phone, k.sms_allowed AS contact_allowed,
       EXISTS (SELECT FROM opt_outs o WHERE o.e164 = m.e164) AS opted_out,
       (SELECT text FROM templates ORDER BY id DESC LIMIT 1) AS template,
       now() AS now
FROM messages m
JOIN dispatches d ON d.id = m.dispatch_id
LEFT JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id
LEFT JOIN invoices i ON i.id = m.invoice_id
LEFT JOIN customers c ON c.id = i.customer_id
-- Of another customer's contact nothing is known: the invoice has passed on, or the contact has.
LEFT JOIN contacts k ON k.id = m.contact_id AND k.customer_id = i.customer_id
WHERE m.id = ANY($1::bigint[])
ORDER BY m.id
