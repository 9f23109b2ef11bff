-- A receipt finds its message by our reference, or by the platform's id; and only if an attempt of that
-- message went through that platform.
-- $1 receipt ids, $2 platforms, $3 platform ids, $4 references.
SELECT r.receipt_id, m.id AS message_id, m.status, m.e164, a.id AS attempt_id
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS r (receipt_id, platform, platform_id, reference)
LEFT JOIN platform_messages p ON p.platform = r.platform AND p.platform_id = r.platform_id
LEFT JOIN attempts named ON named.id = p.attempt_id
JOIN messages m ON m.id = coalesce(named.message_id, (SELECT id FROM messages WHERE reference = r.reference))
CROSS JOIN LATERAL (
    SELECT id FROM attempts WHERE message_id = m.id AND platform = r.platform
    ORDER BY id = p.attempt_id DESC NULLS LAST, id DESC LIMIT 1
) a
