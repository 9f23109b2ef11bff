-- Moves messages through the transition table; what the table does not allow, or an attempt that is no
-- longer the message's last one, moves nothing. Rows are locked in id order: two batches cannot deadlock.
-- One with `tries` that is not being handed over waits to be sent again, and may have left before.
-- $1 ids (each at most once), $2 events, $3 reasons, $4 attempt ids (NULL: whatever the attempt),
-- $5 actor, $6 the transition table.
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) AS w (id, event, reason, attempt_id)
), locked AS (
    SELECT m.id, m.status, m.tries, w.event, w.reason
    FROM messages m JOIN wanted w ON w.id = m.id
    -- Asked for by the parameter too: else a plan made while the table was small reads all of it each time.
    WHERE (w.attempt_id IS NULL OR w.attempt_id = m.attempt_id) AND m.id = ANY($1)
    ORDER BY m.id FOR UPDATE OF m
), moves AS (
    SELECT l.id, l.status AS before, l.reason,
           coalesce(CASE WHEN l.tries > 0 THEN $6::jsonb ->> (l.status || ' ' || l.event || ' again') END,
                    $6::jsonb ->> (l.status || ' ' || l.event)) AS after
    FROM locked l
)
UPDATE messages m
SET status = v.after, reason = v.reason, actor = $5, changed_at = clock_timestamp(),
    worker_id = NULL, claim_token = NULL
FROM moves v
-- Not by the parameter here: all of them would be looked up for each, of which the planner expects one.
WHERE m.id = v.id AND v.after IS NOT NULL
RETURNING m.id, v.before, v.after, extract(epoch FROM clock_timestamp() - m.created_at)::float8 AS age_s
