-- What happened since a moment, by hour, platform and status: folded pieces, the events after them, and what
-- bulk runs stored (their messages have no first event).
-- Messages are looked up one by one: a join would read all of them for the few events there are.
-- $1 since, $2 zone of the hours.
WITH until AS MATERIALIZED (
    SELECT greatest(until, $1::timestamptz) AS at FROM event_figures_until
), pieces AS (
    SELECT from_at AS at, platform, status, total FROM event_figures
    WHERE from_at >= $1 AND from_at < (SELECT at FROM until)
    UNION ALL
    SELECT e.at, coalesce((SELECT m.platform FROM messages m WHERE m.id = e.message_id), ''),
           unnest(reached_by(e.from_status, e.to_status)), 1
    FROM message_events e
    WHERE e.at >= (SELECT at FROM until)
    UNION ALL
    SELECT at, '', 'new', total FROM bulk_figures WHERE at >= $1
)
SELECT date_trunc('hour', at, $2::text) AS hour, platform, status, sum(total)::int AS total
FROM pieces GROUP BY 1, 2, 3 ORDER BY 1
