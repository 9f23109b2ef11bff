-- Goes on from bulk_candidates.sql: for the frequency caps, each number of a slice on the day on which it would go, with
-- the notices and collections that it has had by then (as take_phone_turns.sql counts them), or waits for. In the
-- order in which they would go. `is_recent`: a run only to the others leaves it out (bulk_others.sql). A row `unread`
-- has the caller give up: see db/numbers.py. $3 now, $4 the installation's zone; where it is closed at $3, as in
-- bulk_queue.sql: $5 overdue?, $6 state, $7 area code, $8 opens, $9 opens on.
, closed AS MATERIALIZED (
    SELECT * FROM unnest($5::bool[], $6::text[], $7::text[], $8::timestamptz[], $9::date[])
                    AS c (overdue, uf, ddd, opens_at, opens_on)
), due AS MATERIALIZED (
    SELECT s.id, s.e164, s.contact_id, s.place, hashtextextended(s.e164, 0) AS phone_key,
           (coalesce(c.opens_at, $3::timestamptz) AT TIME ZONE $4::text)::date AS day
    FROM sendable s JOIN found f ON f.id = s.id
    LEFT JOIN closed c
           ON c.overdue = (f.due_date < c.opens_on) AND c.uf = coalesce(f.uf, '') AND c.ddd = left(s.phone, 2)
)
(SELECT 'unread' AS what, NULL::bigint AS id, NULL AS e164, NULL::bigint AS phone_key, NULL::date AS day,
        NULL::bigint AS of_day, NULL::bigint AS of_week, NULL::bool AS is_recent
 FROM people WHERE sms_numbers IS NULL LIMIT 1)
UNION ALL
(SELECT 'phone', d.id, d.e164, d.phone_key, d.day, had.of_day + waits.of_day, had.of_week + waits.of_week,
        (SELECT true FROM messages m
         WHERE m.invoice_id = d.id AND m.e164 = d.e164
           AND m.status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled')
           AND (m.created_at > now() - interval '1 day' OR m.status IN ('queued', 'claimed', 'sending', 'held')
                OR (SELECT started_at FROM attempts WHERE id = m.attempt_id) > now() - interval '1 day')
         LIMIT 1) IS TRUE
 FROM due d
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.at >= d.day::timestamp AT TIME ZONE $4::text) AS of_day, count(*) AS of_week
    FROM phone_turns t JOIN messages m ON m.id = t.message_id
    WHERE t.phone_key = d.phone_key
      AND t.at >= (d.day - 6)::timestamp AT TIME ZONE $4::text AND t.at <= $3::timestamptz + interval '10 min'
      AND (m.status IN ('claimed', 'sending', 'accepted', 'sent', 'delivered', 'uncertain')
           OR m.status IN ('queued', 'held') AND m.tries > 0)) had
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE (m.due_at AT TIME ZONE $4::text)::date = d.day) AS of_day, count(*) AS of_week
    FROM messages m JOIN dispatches p ON p.id = m.dispatch_id
    WHERE m.e164 = d.e164 AND m.status = 'queued' AND m.tries = 0 AND p.purpose <> 'requested') waits
 ORDER BY d.id, d.contact_id NULLS FIRST, d.place)
