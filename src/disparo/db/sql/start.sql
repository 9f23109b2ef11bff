-- start: claimed -> sending. Only what is returned may be written to the platform: a message that was
-- cancelled or taken over meanwhile no longer carries this token.
-- $1 ids, $2 claim tokens, $3 texts, $4 segments, $5 platform, $6 worker.
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::smallint[]) AS w (id, token, text, segments)
), ready AS (
    SELECT m.id FROM messages m JOIN wanted w ON w.id = m.id
    -- Asked for by the parameter too: else a plan made while the table was small reads all of it each time.
    WHERE m.status = 'claimed' AND m.claim_token = w.token AND m.id = ANY($1)
    ORDER BY m.id FOR UPDATE OF m
), started AS (
    UPDATE messages m
    SET status = 'sending', attempt_id = nextval('attempts_id_seq'), tries = m.tries + 1, crashes = 0,
        platform = $5, platform_id = NULL, text = w.text, segments = w.segments,
        reason = NULL, actor = 'worker', changed_at = clock_timestamp()
    FROM wanted w JOIN ready ON ready.id = w.id
    WHERE m.id = w.id  -- not by the parameter here: it would be sorted once more for each
    RETURNING m.id, m.attempt_id
), attempt AS (
    INSERT INTO attempts (id, message_id, platform, worker_id)
    SELECT attempt_id, id, $5, $6 FROM started
)
SELECT id, attempt_id FROM started
