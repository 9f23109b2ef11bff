-- Goes on from bulk_candidates.sql: of a slice, all but those who have had the invoice within a day, or are about
-- to, as bulk_simulate.sql counts them: what was stored on Friday may wait for Monday, or have gone on it. $3 dispatch.
, going AS MATERIALIZED (
    SELECT * FROM sendable s
    WHERE (SELECT true FROM messages m
           WHERE m.invoice_id = s.id AND m.e164 = s.e164 AND m.dispatch_id <> $3
             AND m.status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled')
             AND (m.created_at > now() - interval '1 day' OR m.status IN ('queued', 'claimed', 'sending', 'held')
                  OR (SELECT started_at FROM attempts WHERE id = m.attempt_id) > now() - interval '1 day')
           LIMIT 1) IS NULL
), repeated AS (
    SELECT (SELECT count(*) FROM sendable) - (SELECT count(*) FROM going) AS count
)
