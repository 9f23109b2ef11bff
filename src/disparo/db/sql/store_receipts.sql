-- $1 platforms, $2 digests, $3 platform ids, $4 references, $5 kinds, $6 codes, $7 failure classes,
-- $8 carriers, $9 times, $10 the calls as they came. A call that is repeated word for word adds no row.
-- In the order of the unique key: two processes that store the same receipts cannot deadlock.
INSERT INTO receipts (platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw)
SELECT DISTINCT ON (e.platform, e.digest) e.platform, e.digest, e.platform_id, e.reference, e.kind, e.code,
       e.failure, e.carrier, e.happened_at, e.raw
FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::text[])
     AS e (platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw)
ORDER BY e.platform, e.digest
ON CONFLICT (platform, digest) DO NOTHING
RETURNING id, platform, kind, failure
