-- GCRA on the server's clock: a slot is a moment, there is no burst. The row says when the next free slot
-- is; slots further ahead than $5 are not given out. Where none is left the wait is until the last fifth of
-- $5 is free: a grant costs a round trip and a commit, whether of one slot or many, and slots that pass
-- unasked are lost. A next slot more than twice $5 and a slot ahead is of a lower limit that was raised, or of
-- a clock that was set back: it is moved there. What the day's limit has left is the sum of buckets of ten
-- minutes over the last 24 hours and ten minutes, so that no 24 hours ever hold more. What each message uses up
-- is counted in it as a whole; slots it has as many, but the first may have fewer: its parts ask again.
-- $1 platform, $2 seconds a slot (0: no rate), $3 what each message that wants to go uses up, $4 hand-overs in
-- 24 hours (or NULL), $5 seconds ahead, $6 seconds before which no slot is of use.
WITH there AS (
    INSERT INTO platform_rates (platform, tat) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING
), now_ AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), day AS MATERIALIZED (
    SELECT $4::int - coalesce(sum(u.used), 0)::int AS left_now,
           least(min(u.bucket), clock_timestamp()) + interval '24 h 10 min' AS frees_at
    FROM now_ n LEFT JOIN platform_day_use u
      ON u.platform = $1 AND u.used > 0 AND u.bucket > n.now - interval '24 h 10 min' AND $4::int IS NOT NULL
), message AS MATERIALIZED (
    SELECT place, sum(cost) OVER (ORDER BY place)::int AS used FROM unnest($3::int[]) WITH ORDINALITY c (cost, place)
), free AS MATERIALIZED (
    SELECT CASE WHEN $2::float8 = 0 THEN n.now
                ELSE greatest(least(r.tat, n.now + make_interval(secs => 2 * $5::float8 + $2::float8)),
                              n.now + make_interval(secs => $6::float8)) END AS first, n.now
    FROM platform_rates r, now_ n WHERE r.platform = $1 FOR UPDATE OF r
), room AS MATERIALIZED (
    SELECT f.first, f.now, d.left_now, d.frees_at, CASE WHEN $2::float8 > 0
           THEN 1 + floor(($5::float8 - extract(epoch FROM f.first - f.now)::float8) / $2::float8)::int END AS slots
    FROM free f, day d
), fit AS MATERIALIZED (
    SELECT count(*)::int AS messages, coalesce(max(m.used), 0) AS used FROM message m, room r
    WHERE (r.left_now IS NULL OR m.used <= r.left_now)
      AND (r.slots IS NULL OR m.used <= r.slots OR (m.place = 1 AND r.slots > 0))
), grant_ AS (
    SELECT r.*, fit.messages, fit.used, date_bin('10 min', r.now, 'epoch') AS bucket FROM room r, fit
), taken AS (
    UPDATE platform_rates r SET tat = g.first + make_interval(secs => greatest(0, least(g.slots, g.used)) * $2::float8)
    FROM grant_ g WHERE r.platform = $1 AND $2::float8 > 0 AND (g.messages > 0 OR r.tat > g.first)
), counted AS (
    INSERT INTO platform_day_use AS u (platform, bucket, used)
    SELECT $1, bucket, used FROM grant_ WHERE messages > 0 AND $4::int IS NOT NULL
    ON CONFLICT (platform, bucket) DO UPDATE SET used = u.used + excluded.used
)
SELECT coalesce(max(messages), 0) AS messages, coalesce(max(least(slots, used)), 0) AS slots,
       coalesce(max(CASE WHEN messages > 0 THEN extract(epoch FROM first - now)::float8
                         ELSE extract(epoch FROM first - now)::float8 - $5::float8 * 0.8 END), 0.05)::float8 AS wait_s,
       coalesce(max(CASE WHEN left_now < ($3::int[])[1] THEN extract(epoch FROM frees_at - now) END), 0)::float8 AS day_full_s,
       max(bucket) AS bucket,
       extract(epoch FROM coalesce(max(now), clock_timestamp()))::float8 AS now_s
FROM grant_
