-- The platform's ids of hand-overs whose answer never came, as a receipt that names our reference too told them: later
-- ones may name the id alone. An id that is used twice is its last owner's. Ids of platforms first, as record.sql and
-- note_receipt_ids.sql lock them.
-- $1 platforms, $2 platform ids, both sorted, $3 attempts.
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t (platform, platform_id, attempt_id)
), named AS (
    INSERT INTO platform_messages (platform, platform_id, attempt_id)
    SELECT DISTINCT ON (platform, platform_id) platform, platform_id, attempt_id FROM told
    ORDER BY platform, platform_id, attempt_id
    ON CONFLICT (platform, platform_id) DO UPDATE
    SET attempt_id = greatest(platform_messages.attempt_id, excluded.attempt_id)
    WHERE platform_messages.attempt_id IS NULL OR platform_messages.attempt_id < excluded.attempt_id  -- else it is known
    RETURNING platform_id, attempt_id
), noted AS (
    UPDATE attempts a SET platform_id = n.platform_id
    FROM named n WHERE a.id = n.attempt_id AND a.platform_id IS NULL
    RETURNING a.id, a.message_id, a.platform_id
), locked AS (
    SELECT m.id, n.platform_id FROM noted n JOIN messages m ON m.id = n.message_id AND m.attempt_id = n.id
    WHERE m.platform_id IS NULL ORDER BY m.id FOR UPDATE OF m
)
UPDATE messages m SET platform_id = l.platform_id FROM locked l WHERE m.id = l.id
