-- lose: sending -> uncertain; all that may have left, after a restore.
-- $1 reason.
UPDATE messages
SET status = 'uncertain', reason = $1, actor = 'restore', worker_id = NULL, claim_token = NULL,
    changed_at = clock_timestamp()
WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM claims)) AND status = 'sending'
