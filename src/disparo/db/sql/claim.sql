-- claim: queued -> claimed. One statement, so that a worker paused in the middle holds no lock. Its commit waits for
-- no flush (docs/decisions/0022): nothing leaves this house before a start, whose commit does, and brings this one along.
-- The worker's own row is written first: a worker already taken over claims nothing. `claims` tells whoever
-- takes it over where to look. Nor does anybody claim in a copy: what it shows as waiting may have gone long ago.
-- $1 worker, $2 claim token, $3 chunk, $4 at most so many.
WITH alive AS (
    UPDATE workers SET preparing = $3 WHERE id = $1 AND NOT is_unnoticed_copy()
    RETURNING id, set_config('synchronous_commit', 'off', true)
), due AS (
    SELECT m.id, m.id AS its_id FROM messages m
    WHERE m.chunk_id = $3 AND m.status = 'queued' AND m.due_at <= now() AND EXISTS (SELECT FROM alive)
    -- Not by the bare id: a plan made while the table was small reads all of it in that order each time.
    ORDER BY m.id + 0 LIMIT $4
    FOR UPDATE OF m SKIP LOCKED
), noted AS (
    INSERT INTO claims (token, chunk_id, worker_id) SELECT $2, $3, $1 WHERE EXISTS (SELECT FROM due)
    ON CONFLICT DO NOTHING
)
UPDATE messages m
SET status = 'claimed', worker_id = $1, claim_token = $2, reason = NULL, actor = 'worker',
    changed_at = clock_timestamp()
FROM due
-- Said twice: of what is equal to two the planner expects few, and looks each up by its id. Else it reads tables of tens
-- of thousands from end to end, for each chunk.
WHERE m.id = due.id AND m.id = due.its_id
RETURNING m.id
