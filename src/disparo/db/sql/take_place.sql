-- GCRA: `tat` is when the bucket would be empty again. Calls pass while that is no further ahead than
-- the burst; where not all of them do, nothing changes. A `tat` further ahead than the whole burst is of a
-- slower limit of before, or of a clock that was set back: it is moved to where these calls just pass.
-- $1 bucket, $2 seconds a call, $3 burst, $4 how many calls.
WITH taken AS (
    INSERT INTO rate_limits AS r (bucket, tat)
    VALUES ($1, clock_timestamp() + make_interval(secs => $2::float8 * $4::int))
    ON CONFLICT (bucket) DO UPDATE
    SET tat = greatest(least(r.tat, clock_timestamp() + make_interval(secs => $2::float8 * ($3::int - $4::int))),
                       clock_timestamp()) + make_interval(secs => $2::float8 * $4::int)
    WHERE r.tat <= clock_timestamp() + make_interval(secs => $2::float8 * ($3::int - $4::int))
       OR r.tat > clock_timestamp() + make_interval(secs => $2::float8 * $3::int)
    RETURNING true
)
SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0::float8
            ELSE greatest(0.001, coalesce((SELECT extract(epoch FROM tat - clock_timestamp())::float8
                                           FROM rate_limits WHERE bucket = $1), 0)
                                 - $2::float8 * ($3::int - $4::int))
       END
