-- The receipt's half of the meeting of outcome and receipt; see record.sql. Where the outcome has come already,
-- as mostly, there is nothing to meet about.
-- $1 platforms, $2 platform ids, both sorted.
INSERT INTO platform_messages (platform, platform_id)
SELECT * FROM unnest($1::text[], $2::text[]) AS r (platform, platform_id)
WHERE NOT EXISTS (SELECT FROM platform_messages p
                  WHERE p.platform = r.platform AND p.platform_id = r.platform_id AND p.attempt_id IS NOT NULL)
ON CONFLICT (platform, platform_id) DO UPDATE SET platform_id = excluded.platform_id
