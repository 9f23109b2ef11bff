-- Counts in the limit of 24 hours what went by a platform while it had none. Only where something is missing:
-- a grant and its start may lie in two of the ten minutes, and would be counted in both.
-- $1 platform, $2 whether the parts of a long text count.
WITH went AS MATERIALIZED (
    SELECT date_bin('10 min', a.started_at, 'epoch') AS bucket,
           sum(CASE WHEN $2::bool THEN coalesce((SELECT m.segments FROM messages m WHERE m.id = a.message_id LIMIT 1), 1)
                    ELSE 1 END)::int AS used
    FROM attempts a
    WHERE a.started_at > now() - interval '24 h' AND a.started_at <= now() AND a.platform = $1
      AND (a.outcome IS NULL OR a.outcome NOT IN ('not_taken', 'not_started'))
    GROUP BY 1
)
INSERT INTO platform_day_use AS u (platform, bucket, used)
SELECT $1, bucket, used FROM went
WHERE (SELECT sum(used) FROM went) > (SELECT coalesce(sum(k.used), 0) FROM platform_day_use k
                                      WHERE k.platform = $1 AND k.bucket > now() - interval '24 h 10 min')
ON CONFLICT (platform, bucket) DO UPDATE SET used = greatest(u.used, excluded.used)
