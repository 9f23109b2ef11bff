-- lose: sending -> uncertain; all that may have left, after a restore. Rows are locked in id order.
-- $1 reason.
WITH locked AS MATERIALIZED (
    SELECT id FROM messages
    WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM claims)) AND status = 'sending'
    ORDER BY id FOR UPDATE
)
UPDATE messages m
SET status = 'uncertain', reason = $1, actor = 'restore', worker_id = NULL, claim_token = NULL,
    changed_at = clock_timestamp()
FROM locked l WHERE m.id = l.id
