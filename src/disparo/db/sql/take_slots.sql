-- GCRA on the server's clock: a slot is a moment, there is no burst. The row says when the next free slot
-- is; slots further ahead than 250 ms are not given out. The day's count is kept in the same row.
-- $1 platform, $2 seconds a slot (0: no rate), $3 slots wanted, $4 hand-overs a day (or NULL), $5 zone.
WITH there AS (
    INSERT INTO platform_rates (platform, tat) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING
), now_ AS MATERIALIZED (
    SELECT clock_timestamp() AS now, (clock_timestamp() AT TIME ZONE $5::text)::date AS today
), free AS MATERIALIZED (
    SELECT CASE WHEN $2::float8 = 0 THEN n.now ELSE greatest(r.tat, n.now + interval '20 ms') END AS first,
           n.now, n.today, $4::int - CASE WHEN r.day = n.today THEN r.day_used ELSE 0 END AS left_today
    FROM platform_rates r, now_ n WHERE r.platform = $1 FOR UPDATE OF r
), grant_ AS (
    SELECT first, now, today, left_today, greatest(0, least(
               $3::int, left_today,
               CASE WHEN $2::float8 > 0
                    THEN 1 + floor((0.25 - extract(epoch FROM first - now)::float8) / $2::float8)::int END
           )) AS granted
    FROM free
), taken AS (
    UPDATE platform_rates r
    SET tat = greatest(r.tat, g.first + make_interval(secs => g.granted * $2::float8)),
        day = g.today,
        day_used = g.granted + CASE WHEN r.day = g.today THEN r.day_used ELSE 0 END
    FROM grant_ g WHERE r.platform = $1 AND g.granted > 0
)
SELECT coalesce(max(granted), 0) AS granted,
       coalesce(max(CASE WHEN granted > 0 THEN extract(epoch FROM first - now)::float8
                         ELSE extract(epoch FROM first - now)::float8 - 0.25 + $2::float8 END), 0.05)::float8 AS wait_s,
       coalesce(max(CASE WHEN left_today <= 0
                         THEN extract(epoch FROM (today + 1)::timestamp AT TIME ZONE $5::text - now) END), 0)::float8
           AS day_full_s
FROM grant_
