-- Turns for messages whose phones have not had as many as the caps allow, the oldest first; gives those that got one.
-- What was not handed over in the end does not count, nor does what was handed over and surely did not arrive. What
-- waits to be sent again may have arrived the first time.
-- One of a time to come is of a clock that was set back: nobody knows when it was.
-- The caller holds the lock of all turns: what others took is committed, and seen.
-- $1 message ids, $2 their E.164 numbers, $3 most a day (NULL: any), $4 start of the day, $5 most in seven days, $6 their start.
WITH wanted AS (
    SELECT id, hashtextextended(e164, 0) AS phone_key, row_number() OVER (PARTITION BY e164 ORDER BY id) AS place
    FROM unnest($1::bigint[], $2::text[]) AS w (id, e164)
), had AS (
    SELECT t.phone_key, count(*) FILTER (WHERE t.at >= $4::timestamptz) AS of_day, count(*) AS of_week
    FROM phone_turns t JOIN messages m ON m.id = t.message_id
    WHERE t.phone_key IN (SELECT phone_key FROM wanted) AND t.at BETWEEN $6::timestamptz AND now() + interval '10 min'
      AND t.message_id <> ALL ($1::bigint[])
      AND (m.status IN ('claimed', 'sending', 'accepted', 'sent', 'delivered', 'uncertain')
           OR m.status IN ('queued', 'held') AND m.tries > 0)
    GROUP BY t.phone_key
), granted AS (
    SELECT w.id, w.phone_key FROM wanted w LEFT JOIN had h USING (phone_key)
    WHERE ($3::int IS NULL OR coalesce(h.of_day, 0) + w.place <= $3::int)
      AND ($5::int IS NULL OR coalesce(h.of_week, 0) + w.place <= $5::int)
)
INSERT INTO phone_turns AS t (message_id, phone_key) SELECT id, phone_key FROM granted ORDER BY id
ON CONFLICT (message_id) DO UPDATE SET at = excluded.at
RETURNING message_id
