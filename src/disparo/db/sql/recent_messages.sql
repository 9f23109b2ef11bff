-- The latest message of each (invoice, number) that went, or may go, and its age, where that is within the
-- longest of the windows asked for; one of a time to come is where the clock was set back by less than that.
-- $1 invoices, $2 E.164 numbers, $3 windows (s).
SELECT DISTINCT ON (w.invoice_id, w.e164) w.invoice_id, w.e164, m.dispatch_id,
       extract(epoch FROM now() - m.created_at)::float8 AS age_s
FROM (SELECT invoice_id, e164, max(window_s) AS window_s
      FROM unnest($1::bigint[], $2::text[], $3::int[]) AS u (invoice_id, e164, window_s)
      GROUP BY invoice_id, e164) w
JOIN messages m ON m.invoice_id = w.invoice_id AND m.e164 = w.e164
               AND m.created_at > now() - make_interval(secs => w.window_s)
               AND m.created_at < now() + make_interval(secs => w.window_s)
WHERE m.status NOT IN ('skipped', 'cancelled', 'failed')
ORDER BY w.invoice_id, w.e164, m.created_at DESC
