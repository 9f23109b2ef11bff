-- Writes down what became of started attempts. A fact is never refused: the attempt's row always takes
-- it; the message moves if the table allows it and this is still its last attempt.
-- Platform ids come first, before any message is locked: receipts lock in that order too, and whichever of
-- a receipt and its outcome comes second finds the other's row (note_receipt_ids.sql).
-- $1 attempts, $2 messages, $3 outcomes, $4 events, $5 platform ids, $6 codes, $7 details, $8 failures,
-- $9 latencies (ms), $10 segments, $11 seconds until the next try, $12 chunk for the next try,
-- $13 the transition table (looked up: a join with it would compare each message with every move), $14 platforms.
WITH outcome AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::text[], $8::text[], $9::integer[], $10::smallint[], $11::double precision[], $14::text[])
        AS o (attempt_id, message_id, outcome, event, platform_id, code, detail, failure, latency_ms,
              segments, retry_s, platform)
), named AS (
    INSERT INTO platform_messages (platform, platform_id, attempt_id)
    SELECT DISTINCT ON (platform, platform_id) platform, platform_id, attempt_id
    FROM outcome WHERE platform_id IS NOT NULL ORDER BY platform, platform_id, attempt_id DESC
    ON CONFLICT (platform, platform_id) DO UPDATE SET attempt_id = excluded.attempt_id
    RETURNING xmax <> 0 AS was_there
), early AS MATERIALIZED (
    SELECT coalesce(bool_or(was_there), false) AS early FROM named
), noted AS (
    UPDATE attempts a
    SET finished_at = clock_timestamp(), outcome = o.outcome, platform_id = o.platform_id, code = o.code,
        detail = o.detail, failure = o.failure, latency_ms = o.latency_ms
    -- Asked for by the parameter too: else a plan made while the table was empty reads all of it each time.
    FROM outcome o WHERE a.id = o.attempt_id AND a.message_id = o.message_id AND a.id = ANY($1)
), locked AS (
    SELECT m.id, m.status, m.reason, m.tries, e.early, o.*
    FROM early e CROSS JOIN outcome o JOIN messages m ON m.id = o.message_id
    WHERE m.attempt_id = o.attempt_id AND m.id = ANY($2)
    ORDER BY m.id FOR UPDATE OF m
), moves AS (
    -- `again`: refused, and an earlier start may have had an effect.
    -- What a person took back while it waited to go again does not go: it is cancelled where no other start, told
    -- once, may have had an effect. What a person gave as sent has failed where that was its only start
    -- and nobody knew better.
    SELECT l.*, CASE WHEN l.reason = 'given_as_sent' AND l.tries = 1
                          AND $13::jsonb ? (l.status || ' ' || l.event || ' given')
                     THEN CASE WHEN (SELECT coalesce(outcome, 'ambiguous') = 'ambiguous' FROM attempts
                                     WHERE id = l.attempt_id)
                               THEN $13::jsonb ->> (l.status || ' ' || l.event || ' given') END
                     WHEN l.reason = 'cancelled' AND $13::jsonb ? (l.status || ' ' || l.event || ' cancelled')
                     THEN CASE WHEN l.tries = 1 AND (SELECT outcome IS NULL FROM attempts WHERE id = l.attempt_id)
                               THEN $13::jsonb ->> (l.status || ' ' || l.event || ' cancelled') END
                     ELSE coalesce(CASE WHEN l.tries > 1 THEN $13::jsonb ->> (l.status || ' ' || l.event || ' again') END,
                                   $13::jsonb ->> (l.status || ' ' || l.event)) END AS after
    FROM locked l
)
UPDATE messages m
SET status = coalesce(v.after, m.status),
    reason = CASE WHEN v.after IS NULL OR v.after = 'cancelled' THEN m.reason
                  ELSE coalesce(v.failure, v.code,
                                CASE WHEN v.outcome = 'not_started' AND v.after = 'failed' THEN v.outcome END) END,
    actor = CASE WHEN v.after IS NULL OR v.after = 'cancelled' THEN m.actor ELSE 'platform:' || m.platform END,
    changed_at = CASE WHEN v.after IS NULL THEN m.changed_at ELSE clock_timestamp() END,
    platform_id = coalesce(v.platform_id, m.platform_id),
    segments = coalesce(v.segments, m.segments),
    -- Where nothing moves, whoever has it in hand now keeps it: a repeated or late outcome of an earlier attempt.
    worker_id = CASE WHEN v.after IS NULL THEN m.worker_id END,
    claim_token = CASE WHEN v.after IS NULL THEN m.claim_token END,
    tries = CASE WHEN v.after IN ('queued', 'cancelled') THEN m.tries - 1
                 -- It waits to be sent again, or did until a person took it back, and this says that the last time had no
                 -- effect; told twice, it counts once.
                 WHEN v.after IS NULL AND v.status IN ('queued', 'claimed', 'held', 'uncertain')
                      AND v.outcome IN ('not_taken', 'not_started')
                      AND (SELECT a.outcome IS NULL FROM attempts a WHERE a.id = v.attempt_id) THEN m.tries - 1
                 ELSE m.tries END,
    not_taken = CASE WHEN v.after = 'queued' AND v.outcome = 'not_taken' THEN m.not_taken + 1 ELSE m.not_taken END,
    due_at = CASE WHEN v.after = 'queued' THEN now() + make_interval(secs => v.retry_s) ELSE m.due_at END,
    chunk_id = CASE WHEN v.after <> 'queued' OR v.after IS NULL THEN m.chunk_id
                    WHEN m.chunk_id < 0 THEN -$12::bigint ELSE $12 END
FROM moves v
WHERE m.id = v.id AND m.id = ANY($2)
RETURNING m.id, v.status AS before, m.status AS after, m.e164, v.failure, v.outcome, v.attempt_id,
          m.dispatch_id, m.chunk_id, v.early, extract(epoch FROM clock_timestamp() - m.created_at)::float8 AS age_s,
          extract(epoch FROM clock_timestamp() - m.wait_since)::float8 AS waited_s
