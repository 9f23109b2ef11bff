-- GCRA: `tat` is when the bucket would be empty again. A call passes while that is no further ahead than
-- the burst; one that does not pass changes nothing.
-- $1 bucket, $2 seconds a call, $3 burst.
WITH taken AS (
    INSERT INTO rate_limits AS r (bucket, tat)
    VALUES ($1, clock_timestamp() + make_interval(secs => $2::float8))
    ON CONFLICT (bucket) DO UPDATE
    SET tat = greatest(r.tat, clock_timestamp()) + make_interval(secs => $2::float8)
    WHERE r.tat <= clock_timestamp() + make_interval(secs => $2::float8 * ($3::int - 1))
    RETURNING true
)
SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0::float8
            ELSE greatest(0.001, coalesce((SELECT extract(epoch FROM tat - clock_timestamp())::float8
                                           FROM rate_limits WHERE bucket = $1), 0)
                                 - $2::float8 * ($3::int - 1))
       END
