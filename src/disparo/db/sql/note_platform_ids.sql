-- The outcome's half of the meeting of outcome and receipt: whoever comes second finds the other's row.
-- $1 platform, $2 platform ids (sorted), $3 attempts.
INSERT INTO platform_messages (platform, platform_id, attempt_id)
SELECT $1, p.platform_id, p.attempt_id FROM unnest($2::text[], $3::bigint[]) AS p (platform_id, attempt_id)
ON CONFLICT (platform, platform_id) DO UPDATE SET attempt_id = excluded.attempt_id
RETURNING xmax <> 0 AS was_there
