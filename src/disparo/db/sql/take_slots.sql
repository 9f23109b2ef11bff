-- GCRA on the server's clock: a slot is a moment, there is no burst. The row says when the next free slot
-- is; slots further ahead than 250 ms are not given out.
-- $1 platform, $2 seconds a slot, $3 slots wanted.
WITH there AS (
    INSERT INTO platform_rates (platform, tat) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING
), now_ AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), free AS MATERIALIZED (
    SELECT greatest(r.tat, n.now) AS first, n.now
    FROM platform_rates r, now_ n WHERE r.platform = $1 FOR UPDATE OF r
), grant_ AS (
    SELECT first, now, greatest(0, least($3::int,
               1 + floor((0.25 - extract(epoch FROM first - now)::float8) / $2::float8)::int)) AS granted
    FROM free
), taken AS (
    UPDATE platform_rates r SET tat = g.first + make_interval(secs => g.granted * $2::float8)
    FROM grant_ g WHERE r.platform = $1 AND g.granted > 0
)
SELECT coalesce(max(granted), 0) AS granted,
       coalesce(max(CASE WHEN granted > 0 THEN extract(epoch FROM first - now)::float8
                         ELSE extract(epoch FROM first - now)::float8 - 0.25 + $2::float8 END), 0.05)::float8 AS wait_s
FROM grant_
