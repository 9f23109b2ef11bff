-- hold: queued -> held, hold: claimed -> held; all that waits, after a restore. Rows are locked in id order: receipts
-- go on moving messages meanwhile.
-- $1 reason.
WITH locked AS MATERIALIZED (
    SELECT id FROM messages
    WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM waiting_chunks
                               UNION SELECT chunk_id FROM bulk_chunks
                               UNION SELECT chunk_id FROM claims))
      AND status IN ('queued', 'claimed')
    ORDER BY id FOR UPDATE
)
UPDATE messages m
SET status = 'held', reason = $1, actor = 'restore', worker_id = NULL, claim_token = NULL,
    changed_at = clock_timestamp()
FROM locked l WHERE m.id = l.id
