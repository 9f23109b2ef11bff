-- Keeps texts that customers sent, and suppresses the number of those that asked for no more.
-- $1 platforms, $2 digests, $3 platform ids, $4 senders, $5 their E.164 numbers, $6 platform ids and
-- $7 references of the messages of ours they answer, $8 texts, $9 whether they ask for no more, $10 the calls,
-- $11 and $12 digests under which the same texts may be there already, if for less than $13 seconds.
-- Without an id of the platform's a text that is there already may be the customer's next one: it suppresses too.
-- Both inserts in the order of their keys: two processes that store the same texts cannot deadlock.
WITH told AS (
    SELECT platform, platform_id, sender, e164, about_id, about_reference, text, stops, raw,
           coalesce((SELECT i.digest FROM inbound_texts i
                     WHERE i.platform = e.platform AND i.digest IN (e.digest_before, e.digest_after)
                       AND i.received_at > now() - make_interval(secs => $13) LIMIT 1), digest) AS digest
    FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::boolean[], $10::text[], $11::bytea[], $12::bytea[])
         AS e (platform, digest, platform_id, sender, e164, about_id, about_reference, text, stops, raw,
               digest_before, digest_after)
), said AS (
    SELECT DISTINCT ON (e.platform, e.digest) e.*, m.id AS message_id, coalesce(e.e164, m.e164) AS number
    FROM told e
    LEFT JOIN LATERAL (
        SELECT id, e164 FROM messages
        WHERE id = coalesce(
            (SELECT a.message_id FROM platform_messages p JOIN attempts a ON a.id = p.attempt_id
             WHERE p.platform = e.platform AND p.platform_id = e.about_id LIMIT 1),
            (SELECT r.id FROM messages r WHERE r.reference = e.about_reference LIMIT 1),
            (SELECT l.id FROM messages l WHERE l.e164 = e.e164 ORDER BY l.created_at DESC LIMIT 1)
        )
        LIMIT 1
    ) m ON true
    ORDER BY e.platform, e.digest
), stored AS (
    INSERT INTO inbound_texts (platform, digest, platform_id, sender, e164, message_id, text, opted_out, raw)
    SELECT platform, digest, platform_id, sender, number, message_id, text, stops AND number IS NOT NULL, raw
    FROM said ORDER BY platform, digest
    ON CONFLICT (platform, digest) DO NOTHING
    RETURNING id, platform, digest
), suppressed AS (
    INSERT INTO opt_outs (e164, reason, actor, platform, inbound_id)
    SELECT DISTINCT ON (d.number) d.number, 'inbound', 'platform:' || d.platform, d.platform, coalesce(s.id, i.id)
    FROM said d
    LEFT JOIN stored s ON s.platform = d.platform AND s.digest = d.digest
    LEFT JOIN inbound_texts i ON i.platform = d.platform AND i.digest = d.digest
    WHERE d.stops AND d.number IS NOT NULL AND (s.id IS NOT NULL OR d.platform_id IS NULL)
    ORDER BY d.number, s.id
    ON CONFLICT (e164) DO NOTHING
)
SELECT platform FROM stored
