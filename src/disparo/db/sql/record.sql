-- Writes down what became of started attempts. A fact is never refused: the attempt's row always takes
-- it; the message moves if the table allows it and this is still its last attempt. That the platform took it counts of
-- an earlier one too, as its receipts do: what is known to have gone does not go again. And that it did not, where the
-- last one was refused, or the next one was taken back.
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
    -- Of an id that is used twice the last owner is the one: of two hand-overs of a message, where the platform knows it
    -- again, the first may be told last.
    ON CONFLICT (platform, platform_id) DO UPDATE
    SET attempt_id = greatest(platform_messages.attempt_id, excluded.attempt_id)
    RETURNING xmax <> 0 AS was_there
), early AS MATERIALIZED (
    SELECT coalesce(bool_or(was_there), false) AS early FROM named
), noted AS (
    UPDATE attempts a
    -- A receipt may have told the id that this answer does not.
    SET finished_at = clock_timestamp(), outcome = o.outcome, platform_id = coalesce(o.platform_id, a.platform_id),
        code = o.code, detail = o.detail, failure = o.failure, latency_ms = o.latency_ms
    -- Asked for by the parameter too: else a plan made while the table was empty reads all of it each time.
    FROM outcome o WHERE a.id = o.attempt_id AND a.message_id = o.message_id AND a.id = ANY($1)
), locked AS (
    SELECT m.id, m.status, m.reason, m.tries, e.early, o.*,
           m.attempt_id <> o.attempt_id AND o.outcome <> 'accepted' AS is_behind
    FROM early e CROSS JOIN outcome o JOIN messages m ON m.id = o.message_id
    WHERE m.id = ANY($2) AND CASE WHEN m.attempt_id = o.attempt_id THEN true
                                  -- No EXISTS: that may be planned as a reading of all attempts.
                                  WHEN o.outcome = 'accepted' THEN
                                       (SELECT message_id FROM attempts WHERE id = o.attempt_id) = m.id
                                  -- The last one was refused, or a person took the next one back: that this one had no
                                  -- effect may be what was not known.
                                  WHEN m.status = 'uncertain' AND o.outcome <> 'ambiguous' THEN
                                       (SELECT message_id FROM attempts WHERE id = o.attempt_id) = m.id
                                       AND (m.reason = 'cancelled' OR
                                            (SELECT outcome FROM attempts WHERE id = m.attempt_id) = 'refused') END
    ORDER BY m.id FOR UPDATE OF m
), moves AS MATERIALIZED (
    -- Else each use of `after` below is the whole of it once more: dozens of look-ups that every call opens for nothing.
    -- `again`: refused, and another start may have had an effect. (Counted: an EXISTS may be planned as a reading of all.)
    -- What a person took back while it waited to go again does not go: it is cancelled where no other start, told
    -- once, may have had an effect. What a person gave as sent has failed where that was its only start
    -- and nobody knew better.
    SELECT l.*, CASE WHEN l.reason = 'given_as_sent' AND l.tries = 1
                          AND $13::jsonb ? (l.status || ' ' || l.event || ' given')
                     THEN CASE WHEN (SELECT coalesce(outcome, 'ambiguous') = 'ambiguous' FROM attempts
                                     WHERE id = l.attempt_id)
                               THEN $13::jsonb ->> (l.status || ' ' || l.event || ' given') END
                     WHEN l.reason = 'cancelled' AND $13::jsonb ? (l.status || ' ' || l.event || ' cancelled')
                     THEN CASE WHEN l.tries = 1 AND (SELECT coalesce(outcome, 'ambiguous') = 'ambiguous' FROM attempts
                                                     WHERE id = l.attempt_id)
                               THEN $13::jsonb ->> (l.status || ' ' || l.event || ' cancelled') END
                     WHEN l.is_behind
                     THEN CASE WHEN (SELECT count(*) FROM attempts a
                                     WHERE a.message_id = l.id AND a.id <> l.attempt_id
                                       AND coalesce(a.outcome, 'ambiguous') IN ('ambiguous', 'accepted')) = 0
                               THEN $13::jsonb ->> (l.status || ' outcome_refused') END
                     ELSE coalesce(CASE WHEN l.tries > 1 AND l.outcome = 'refused' AND
                                             (SELECT count(*) FROM attempts a
                                              WHERE a.message_id = l.id AND a.id <> l.attempt_id
                                                AND coalesce(a.outcome, 'ambiguous') IN ('ambiguous', 'accepted')) > 0
                                        THEN $13::jsonb ->> (l.status || ' ' || l.event || ' again') END,
                                   $13::jsonb ->> (l.status || ' ' || l.event)) END AS after
    FROM locked l
)
UPDATE messages m
SET status = coalesce(v.after, m.status),
    reason = CASE WHEN v.after IS NULL OR v.after = 'cancelled' OR (v.is_behind AND m.reason <> 'cancelled') THEN m.reason
                  ELSE coalesce(v.failure, v.code,
                                CASE WHEN v.outcome = 'not_started' AND v.after = 'failed' THEN v.outcome END) END,
    actor = CASE WHEN v.after IS NULL OR v.after = 'cancelled' THEN m.actor ELSE 'platform:' || m.platform END,
    changed_at = CASE WHEN v.after IS NULL THEN m.changed_at ELSE clock_timestamp() END,
    -- An earlier attempt is the last one that counts where nothing came of those after it.
    attempt_id = CASE WHEN v.after IS NOT NULL AND m.attempt_id <> v.attempt_id
                           AND (SELECT outcome IN ('not_taken', 'not_started') FROM attempts WHERE id = m.attempt_id)
                      THEN v.attempt_id ELSE m.attempt_id END,
    -- Of an earlier attempt, or one that was refused after an earlier one was taken, only where nothing else is known.
    platform_id = CASE WHEN v.after IS NULL AND (m.attempt_id <> v.attempt_id
                                                 OR v.outcome = 'refused' AND m.platform_id IS NOT NULL) THEN m.platform_id
                       ELSE coalesce(v.platform_id, m.platform_id) END,
    segments = CASE WHEN m.attempt_id <> v.attempt_id THEN m.segments ELSE coalesce(v.segments, m.segments) END,
    -- Where nothing moves, whoever has it in hand now keeps it: a repeated or late outcome of an earlier attempt.
    worker_id = CASE WHEN v.after IS NULL THEN m.worker_id END,
    claim_token = CASE WHEN v.after IS NULL THEN m.claim_token END,
    tries = CASE WHEN v.after IN ('queued', 'cancelled') THEN m.tries - 1
                 -- It waits to be sent again, or did until a person took it back, and this says that the last time had no
                 -- effect; told twice, it counts once.
                 WHEN v.after IS NULL AND v.status IN ('queued', 'claimed', 'held', 'uncertain')
                      AND v.outcome IN ('not_taken', 'not_started')
                      AND (SELECT coalesce(a.outcome, 'ambiguous') = 'ambiguous' FROM attempts a
                           WHERE a.id = v.attempt_id) THEN m.tries - 1
                 ELSE m.tries END,
    not_taken = CASE WHEN v.after = 'queued' AND v.outcome = 'not_taken' THEN m.not_taken + 1 ELSE m.not_taken END,
    due_at = CASE WHEN v.after = 'queued' THEN now() + make_interval(secs => v.retry_s) ELSE m.due_at END,
    chunk_id = CASE WHEN v.after <> 'queued' OR v.after IS NULL THEN m.chunk_id
                    WHEN m.chunk_id < 0 THEN -$12::bigint ELSE $12 END
FROM moves v
-- Both are its id, and not by the parameter here: of what is equal twice the planner expects one row, whatever the size
-- of the table, and looks each message up by its id. By the parameter it looked all of them up for each.
WHERE m.id = v.id AND m.id = v.message_id
RETURNING m.id, v.status AS before, m.status AS after, m.e164, v.failure, v.outcome, v.attempt_id,
          m.dispatch_id, m.chunk_id, v.early, extract(epoch FROM clock_timestamp() - m.created_at)::float8 AS age_s,
          extract(epoch FROM clock_timestamp() - m.wait_since)::float8 AS waited_s
