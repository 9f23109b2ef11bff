-- Locks receipts not applied yet that name these messages by (platform, its id). And failures that came while the
-- message was on its way again, where that hand-over was given the id of the one before it: to such a platform both are
-- one message, and it says once what became of it.
-- Each LIMIT makes its step a look-up by index, as in match_receipts.sql; nobody tells so much of one hand-over.
-- $1 platforms, $2 platform ids.
SELECT id, platform, platform_id, reference, kind, code, failure FROM receipts
WHERE id = ANY(ARRAY(
    SELECT w.id FROM unnest($1::text[], $2::text[]) AS n (platform, platform_id)
    JOIN receipts w ON w.platform = n.platform AND w.platform_id = n.platform_id AND w.applied_at IS NULL
    UNION ALL
    SELECT r.id FROM unnest($1::text[], $2::text[]) AS n (platform, platform_id)
    CROSS JOIN LATERAL (
        SELECT attempt_id, (SELECT message_id FROM attempts WHERE id = attempt_id) AS message_id
        FROM platform_messages WHERE platform = n.platform AND platform_id = n.platform_id LIMIT 1
    ) p
    CROSS JOIN LATERAL (
        SELECT id FROM attempts WHERE message_id = p.message_id AND id < p.attempt_id LIMIT 100
    ) before
    CROSS JOIN LATERAL (
        SELECT id, platform, platform_id, kind, result FROM receipts WHERE attempt_id = before.id LIMIT 100
    ) r
    WHERE r.platform = n.platform AND r.platform_id = n.platform_id
      AND r.kind = 'undelivered' AND r.result = 'no_move'
))
ORDER BY id FOR UPDATE SKIP LOCKED
