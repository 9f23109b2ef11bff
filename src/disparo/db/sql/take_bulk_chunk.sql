-- The next chunk for a worker: of the run that was served longest ago. The turn's row is locked, so that two
-- workers do not serve the same run twice and another not at all. A turn is later than any before it, also where
-- the clock was set back: a run that was served just now would be the one that waits longest.
-- The worker's own row is locked first: one that was taken over, and does not know it yet, takes none.
-- $1 worker.
WITH alive AS MATERIALIZED (
    SELECT id FROM workers WHERE id = $1 FOR KEY SHARE
), turn AS (
    SELECT t.dispatch_id FROM bulk_turns t JOIN bulk_runs r ON r.dispatch_id = t.dispatch_id
    WHERE EXISTS (SELECT FROM alive) AND r.finished_at IS NULL AND r.state = 'running'
      AND EXISTS (SELECT FROM bulk_chunks c
                  WHERE c.dispatch_id = r.dispatch_id AND c.worker_id IS NULL AND c.due_at <= now())
    ORDER BY t.served_at, t.dispatch_id LIMIT 1
    FOR UPDATE OF t
), served AS (
    UPDATE bulk_turns t
    SET served_at = greatest(clock_timestamp(), (SELECT max(served_at) + interval '1 microsecond' FROM bulk_turns))
    FROM turn WHERE t.dispatch_id = turn.dispatch_id
), free AS (
    SELECT c.chunk_id FROM bulk_chunks c JOIN turn ON turn.dispatch_id = c.dispatch_id
    WHERE c.worker_id IS NULL AND c.due_at <= now()
    ORDER BY c.due_at, c.chunk_id DESC LIMIT 1
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE bulk_chunks c SET worker_id = $1 FROM free WHERE c.chunk_id = free.chunk_id
RETURNING c.chunk_id
