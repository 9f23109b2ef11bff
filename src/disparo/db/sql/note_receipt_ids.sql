-- The receipt's half of the meeting of outcome and receipt; see record.sql, whose order of locks this is. Whoever
-- found its message has met it.
-- $1 platforms, $2 platform ids, each pair once.
INSERT INTO platform_messages (platform, platform_id)
SELECT * FROM unnest($1::text[], $2::text[]) AS t (platform, platform_id) ORDER BY platform, platform_id
ON CONFLICT (platform, platform_id) DO UPDATE SET platform_id = excluded.platform_id
