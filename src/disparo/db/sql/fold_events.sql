-- Folds one more hour, at most, into pieces of five minutes. A statement lives 30 s at most, so what happened more
-- than 90 s ago is committed. A piece grows as its time goes by: five minutes at once kept a core busy for five
-- seconds at 600 messages a second. The row that says how far it got is held: two folders count nothing twice.
WITH turn AS MATERIALIZED (
    SELECT until FROM event_figures_until FOR UPDATE SKIP LOCKED
), span AS MATERIALIZED (
    SELECT until AS since,
           least(until + interval '1 hour', date_bin('10 seconds', now() - interval '90 seconds', 'epoch')) AS until
    FROM turn
), folded AS (
    INSERT INTO event_figures (from_at, platform, status, total)
    SELECT date_bin('5 minutes', e.at, 'epoch'),
           coalesce((SELECT m.platform FROM messages m WHERE m.id = e.message_id), ''),
           unnest(reached_by(e.from_status, e.to_status)), count(*)
    FROM message_events e
    WHERE e.at >= (SELECT since FROM span) AND e.at < (SELECT until FROM span)
    GROUP BY 1, 2, 3
    ON CONFLICT (from_at, platform, status) DO UPDATE SET total = event_figures.total + excluded.total
)
UPDATE event_figures_until u SET until = s.until FROM span s WHERE s.until > s.since
RETURNING u.until < date_bin('10 seconds', now() - interval '90 seconds', 'epoch') AS has_more
