-- What waits, by queue and kind: all of it, what is due, and for how many seconds the oldest due one has been.
-- Due is what might have gone but for us or a platform: a next try set for later is no excuse, the hours of
-- the law are, and a run that a person has paused; what they held up waits since they ended.
SELECT d.queue, d.kind, sum(m.total)::bigint AS total,
       coalesce(sum(m.due) FILTER (WHERE b.state IS DISTINCT FROM 'paused'), 0)::bigint AS due,
       coalesce(extract(epoch FROM now() - min(greatest(m.oldest, b.resumed_at)) FILTER (
           WHERE m.due > 0 AND b.state IS DISTINCT FROM 'paused')), 0)::float8 AS oldest_s
FROM (
    SELECT dispatch_id, count(*) AS total, count(since) AS due, min(since) AS oldest
    FROM (
        SELECT dispatch_id,
               CASE WHEN reason IN ('outside_window', 'platform_hours')
                    THEN CASE WHEN due_at <= now() THEN due_at END
                    WHEN due_at <= now() OR wait_since <= now() THEN wait_since END AS since
        FROM messages_waiting
    ) w
    GROUP BY dispatch_id
) m
JOIN dispatches d ON d.id = m.dispatch_id
LEFT JOIN bulk_runs b ON b.dispatch_id = d.id
GROUP BY d.queue, d.kind
