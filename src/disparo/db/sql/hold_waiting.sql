-- hold: queued -> held, hold: claimed -> held; all that waits, after a restore.
-- $1 reason.
UPDATE messages
SET status = 'held', reason = $1, actor = 'restore', worker_id = NULL, claim_token = NULL,
    changed_at = clock_timestamp()
WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM waiting_chunks
                           UNION SELECT chunk_id FROM bulk_chunks
                           UNION SELECT chunk_id FROM claims))
  AND status IN ('queued', 'claimed')
