-- give_back: claimed -> queued, lose: sending -> uncertain, hold: claimed -> held; for one dead worker,
-- whose row the same transaction has just removed. A message whose preparing killed three workers is
-- held if it was alone in its chunk; otherwise its chunk is taken apart, each alone in a new one.
-- $1 dead worker, $2 the chunk it was preparing (or NULL), $3 actor, $4 crashes at which a chunk is suspect.
WITH over AS (
    DELETE FROM claims WHERE worker_id = $1
), locked AS (  -- its own level: only a locked row's columns are sure to be the latest
    SELECT id, status, chunk_id, crashes FROM messages
    WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM claims WHERE worker_id = $1))
      AND worker_id = $1 AND status IN ('claimed', 'sending')
    ORDER BY id FOR UPDATE
), held AS (
    SELECT id, status, chunk_id,
           crashes + (status = 'claimed' AND chunk_id IS NOT DISTINCT FROM $2)::int AS crashes,
           count(*) FILTER (WHERE status = 'claimed') OVER (PARTITION BY chunk_id) AS chunk_size
    FROM locked
), new_chunk AS MATERIALIZED (
    SELECT chunk_id AS old, sign(chunk_id)::bigint * nextval('chunks_id_seq') AS new
    FROM (SELECT DISTINCT chunk_id FROM held WHERE status = 'claimed') c
), verdict AS (
    SELECT h.id, h.crashes, n.new,
           CASE WHEN h.status = 'sending' THEN 'uncertain'
                WHEN h.crashes >= $4 AND h.chunk_size = 1 THEN 'held'
                ELSE 'queued' END AS after,
           h.crashes >= $4 AND h.chunk_size > 1 AS alone
    FROM held h LEFT JOIN new_chunk n ON n.old = h.chunk_id
)
UPDATE messages m
SET status = v.after, crashes = v.crashes, worker_id = NULL, claim_token = NULL, actor = $3,
    reason = CASE v.after WHEN 'held' THEN 'poison' ELSE 'worker_lost' END,
    changed_at = clock_timestamp(),
    chunk_id = CASE WHEN v.after <> 'queued' THEN m.chunk_id
                    WHEN v.alone THEN sign(m.chunk_id)::bigint * nextval('chunks_id_seq') ELSE v.new END
FROM verdict v
WHERE m.id = v.id
RETURNING m.id, m.status, m.chunk_id
