-- The receipt's half of the meeting of outcome and receipt; see record.sql. Whoever found its message has met it.
-- $1 platforms, $2 platform ids, both sorted.
INSERT INTO platform_messages (platform, platform_id)
SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (platform, platform_id) DO UPDATE SET platform_id = excluded.platform_id
