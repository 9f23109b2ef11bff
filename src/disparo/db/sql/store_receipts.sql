-- $1 platform, $2 digests, $3 platform ids, $4 references, $5 kinds, $6 codes, $7 failure classes,
-- $8 carriers, $9 times, $10 the call as it came. A call that is repeated word for word adds no row.
INSERT INTO receipts (platform, digest, platform_id, reference, kind, code, failure, carrier, happened_at, raw)
SELECT DISTINCT ON (e.digest) $1, e.digest, e.platform_id, e.reference, e.kind, e.code, e.failure, e.carrier,
       e.happened_at, $10
FROM unnest($2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[]) AS e (digest, platform_id, reference, kind, code, failure, carrier, happened_at)
ON CONFLICT (platform, digest) DO NOTHING
RETURNING id
