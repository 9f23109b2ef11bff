-- $1 platforms, $2 digests, $3 platform ids, $4 references, $5 kinds, $6 codes, $7 failure classes, $8 carriers,
-- $9 times, $10 the calls as they came, $11 attempts and $12 results of those that found their message (without a
-- result: they wait for one).
-- A receipt that is repeated word for word adds no row. Gives the places, from 1, of those that were new.
-- In the order of the unique key: two processes that store the same receipts cannot deadlock.
WITH told AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::timestamptz[], $10::text[], $11::bigint[], $12::text[]) WITH ORDINALITY
        AS t (platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw,
              attempt_id, result, place)
), added AS (
    INSERT INTO receipts (platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw,
                          attempt_id, result, applied_at)
    SELECT platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw,
           attempt_id, result, CASE WHEN result IS NOT NULL THEN now() END
    FROM told ORDER BY platform, digest
    ON CONFLICT (platform, digest) DO NOTHING
    RETURNING platform, digest
)
SELECT t.place FROM added a JOIN told t ON t.platform = a.platform AND t.digest = a.digest ORDER BY t.place
