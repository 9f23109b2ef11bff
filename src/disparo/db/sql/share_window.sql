-- One lane's share of a platform's window, while the caller holds the platform's row in platform_rates.
-- Gives how many places the lane may use from now on; what it uses beyond that is its own until it asks again
-- with less. The shares of all never pass the window. Where there are more lanes than places, one that has had
-- its turn gives way to one that waits.
-- $1 platform, $2 worker, $3 places wanted, $4 places it uses, or may use while it asks, $5 the window.
WITH others AS (
    SELECT coalesce(sum(holds), 0)::int AS held, coalesce(sum(wants), 0)::int AS wanted,
           (count(*) FILTER (WHERE wants > 0))::int AS busy, coalesce(bool_or(wants > 0 AND holds = 0), false) AS waits
    FROM platform_lanes WHERE platform = $1 AND worker_id <> $2
), mine AS (
    SELECT coalesce((SELECT holds FROM platform_lanes WHERE platform = $1 AND worker_id = $2), 0) AS holds
), fair AS (
    SELECT o.*, m.holds, greatest($5::int / (o.busy + 1), $5::int - o.wanted) AS fair FROM others o, mine m
), share AS (
    SELECT greatest(0, least($3::int, CASE WHEN holds = 0 OR NOT waits THEN greatest(1, fair) ELSE fair END,
                             $5::int - held)) AS places
    FROM fair
), leased AS (
    INSERT INTO platform_lanes (platform, worker_id, wants, holds)
    SELECT $1, $2, $3::int, greatest($4::int, places) FROM share
    ON CONFLICT (platform, worker_id) DO UPDATE SET wants = excluded.wants, holds = excluded.holds
)
SELECT places FROM share
