-- give_back: claimed -> queued, to be looked at again later; nothing has left.
-- $1 ids, $2 claim token, $3 due times, $4 reasons, $5 chunk, $6 actor.
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $3::timestamptz[], $4::text[]) AS w (id, due_at, reason)
), ours AS (
    SELECT m.id FROM messages m JOIN wanted w ON w.id = m.id
    -- Asked for by the parameter too, as below: else a plan made while the table was small reads all of it each time.
    WHERE m.status = 'claimed' AND m.claim_token = $2 AND m.id = ANY($1)
    ORDER BY m.id FOR UPDATE OF m
)
UPDATE messages m
SET status = 'queued', due_at = w.due_at, reason = w.reason,
    chunk_id = CASE WHEN m.chunk_id < 0 THEN -$5::bigint ELSE $5 END, worker_id = NULL,
    claim_token = NULL, actor = $6, changed_at = clock_timestamp()
FROM wanted w JOIN ours ON ours.id = w.id
WHERE m.id = w.id AND m.id = ANY($1)
RETURNING m.id, m.chunk_id
