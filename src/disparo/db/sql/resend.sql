-- resend: uncertain -> queued, held -> queued (release) and the like: a message goes back to wait, in a
-- chunk of its own kind, and its `timeout` starts anew. Done after apply_events moved the status.
-- $1 ids, $2 chunk, $3 seconds from now.
UPDATE messages
SET chunk_id = CASE WHEN chunk_id < 0 THEN -$2::bigint ELSE $2 END, due_at = now() + make_interval(secs => $3::double precision), wait_since = now(), crashes = 0
WHERE id = ANY($1::bigint[]) AND status = 'queued'
RETURNING chunk_id
