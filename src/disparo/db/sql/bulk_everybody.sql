-- Goes on from bulk_candidates.sql: all of a slice get it.
, going AS NOT MATERIALIZED (
    SELECT * FROM sendable
), repeated AS (
    SELECT 0::bigint AS count
)
