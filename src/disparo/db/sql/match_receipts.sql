-- A receipt finds its message by our reference, or by the platform's id; and only if an attempt of that
-- message went through that platform. Each LIMIT makes its step a look-up by index, whatever the planner
-- believes of the size of tables that have just begun to fill.
-- $1 receipt ids, $2 platforms, $3 platform ids, $4 references.
SELECT r.receipt_id, m.id AS message_id, m.dispatch_id, m.status, m.e164, a.id AS attempt_id
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS r (receipt_id, platform, platform_id, reference)
LEFT JOIN LATERAL (
    SELECT attempt_id FROM platform_messages
    WHERE platform = r.platform AND platform_id = r.platform_id LIMIT 1
) p ON true
CROSS JOIN LATERAL (
    SELECT id, dispatch_id, status, e164 FROM messages
    WHERE id = coalesce(
        (SELECT message_id FROM attempts WHERE id = p.attempt_id),
        (SELECT id FROM messages WHERE reference = r.reference)
    )
    LIMIT 1
) m
CROSS JOIN LATERAL (
    SELECT id FROM attempts WHERE message_id = m.id AND platform = r.platform
    ORDER BY id = p.attempt_id DESC NULLS LAST, id DESC LIMIT 1
) a
