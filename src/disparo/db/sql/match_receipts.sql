-- A receipt finds its message by our reference, or by the platform's id; and only if an attempt of that
-- message went through that platform. Gives one row for each, in their order; `heard`: it is stored already;
-- `is_erased`: its customer's data were erased, and it must bring none back.
-- Some gateways count from one again after a restart: an id is its last owner's, unless our reference names another
-- message. `heard_of_another`: stored, word for word, of whoever had the id before, or as nobody's.
-- Named by our reference alone, a message's last attempt is meant. By an id, too, that none of its attempts has: the
-- first of those whose answer never came, which may be one before it was sent again.
-- Each LIMIT makes its step a look-up by index, whatever the planner believes of the size of tables that
-- have just begun to fill; and so does the subquery, where a join would read an index from end to end.
-- $1 platforms, $2 platform ids, $3 references, $4 digests (NULL: not asked), $5 attempts of those that found theirs
-- when they came: their message stays theirs, whoever is given the id since.
SELECT h.platform IS NOT NULL AS heard,
       ((h.applied_at IS NOT NULL OR h.attempt_id IS NOT NULL) AND h.attempt_id IS DISTINCT FROM p.attempt_id
        AND p.message_id = m.id) IS TRUE AS heard_of_another,
       m.id AS message_id, m.dispatch_id, m.status, m.tries, m.e164, m.last_attempt_id,
       EXISTS (SELECT FROM erased_customers WHERE customer_id = m.customer_id) AS is_erased,
       CASE WHEN p.message_id = m.id THEN p.attempt_id ELSE coalesce(r.attempt_id, a.id) END AS attempt_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[]) WITH ORDINALITY
    AS r (platform, platform_id, reference, digest, attempt_id, place)
LEFT JOIN LATERAL (
    SELECT platform, applied_at, attempt_id FROM receipts
    WHERE platform = r.platform AND digest = r.digest LIMIT 1
) h ON true
LEFT JOIN LATERAL (
    SELECT attempt_id, (SELECT message_id FROM attempts WHERE id = attempt_id) AS message_id FROM platform_messages
    WHERE platform = r.platform AND platform_id = r.platform_id LIMIT 1
) p ON true
LEFT JOIN LATERAL (
    SELECT id, dispatch_id, status, tries, e164, attempt_id AS last_attempt_id, customer_id FROM messages
    WHERE id = coalesce((SELECT message_id FROM attempts WHERE id = r.attempt_id),
                        (SELECT id FROM messages WHERE reference = r.reference), p.message_id)
    LIMIT 1
) m ON true
LEFT JOIN LATERAL (
    SELECT id FROM (
        SELECT id, r.platform_id IS NOT NULL AND platform_id IS NULL
                   AND coalesce(outcome, 'ambiguous') = 'ambiguous' AS is_unnamed
        FROM attempts
        WHERE p.message_id IS DISTINCT FROM m.id AND message_id = m.id AND platform = r.platform
    ) found
    ORDER BY is_unnamed DESC, CASE WHEN is_unnamed THEN -id ELSE id END DESC LIMIT 1
) a ON true
ORDER BY r.place
