-- GCRA on the server's clock: a slot is a moment, there is no burst. The row says when the next free slot
-- is; slots further ahead than $5 are not given out. Where none is left the wait is until the last fifth of
-- $5 is free: a grant costs a round trip and a commit, whether of one slot or many, and slots that pass
-- unasked are lost. A next slot more than twice $5 and a slot ahead is of a lower limit that was raised, or of
-- a clock that was set back: it is moved there. What the day's limit has left is the sum of buckets of ten
-- minutes over the last 24 hours and ten minutes, so that no 24 hours ever hold more.
-- $1 platform, $2 seconds a slot (0: no rate), $3 slots wanted, $4 hand-overs in 24 hours (or NULL),
-- $5 seconds ahead, $6 seconds before which no slot is of use.
WITH there AS (
    INSERT INTO platform_rates (platform, tat) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING
), now_ AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), day AS MATERIALIZED (
    SELECT $4::int - coalesce(sum(u.used), 0)::int AS left_now, min(u.bucket) + interval '24 h 10 min' AS frees_at
    FROM now_ n LEFT JOIN platform_day_use u
      ON u.platform = $1 AND u.used > 0 AND u.bucket > n.now - interval '24 h 10 min' AND $4::int IS NOT NULL
), free AS MATERIALIZED (
    SELECT CASE WHEN $2::float8 = 0 THEN n.now
                ELSE greatest(least(r.tat, n.now + make_interval(secs => 2 * $5::float8 + $2::float8)),
                              n.now + make_interval(secs => $6::float8)) END AS first, n.now
    FROM platform_rates r, now_ n WHERE r.platform = $1 FOR UPDATE OF r
), grant_ AS (
    SELECT f.first, f.now, d.left_now, d.frees_at, date_bin('10 min', f.now, 'epoch') AS bucket, greatest(0, least(
               $3::int, d.left_now,
               CASE WHEN $2::float8 > 0
                    THEN 1 + floor(($5::float8 - extract(epoch FROM f.first - f.now)::float8) / $2::float8)::int END
           )) AS granted
    FROM free f, day d
), taken AS (
    UPDATE platform_rates r SET tat = g.first + make_interval(secs => g.granted * $2::float8)
    FROM grant_ g WHERE r.platform = $1 AND $2::float8 > 0 AND (g.granted > 0 OR r.tat > g.first)
), counted AS (
    INSERT INTO platform_day_use AS u (platform, bucket, used)
    SELECT $1, bucket, granted FROM grant_ WHERE granted > 0 AND $4::int IS NOT NULL
    ON CONFLICT (platform, bucket) DO UPDATE SET used = u.used + excluded.used
)
SELECT coalesce(max(granted), 0) AS granted,
       coalesce(max(CASE WHEN granted > 0 THEN extract(epoch FROM first - now)::float8
                         ELSE extract(epoch FROM first - now)::float8 - $5::float8 * 0.8 END), 0.05)::float8 AS wait_s,
       coalesce(max(CASE WHEN left_now <= 0 THEN extract(epoch FROM frees_at - now) END), 0)::float8 AS day_full_s,
       max(bucket) AS bucket,
       extract(epoch FROM coalesce(max(now), clock_timestamp()))::float8 AS now_s
FROM grant_
