-- Notes the hand-overs whose receipts must be asked for, each attempt once, in the order of their numbers.
-- An attempt's number and its time may differ in order by a moment; the youngest looked at is minutes old.
-- $1 platforms that must be asked, $2 how long their receipts may be missing (seconds), $3 the shortest of them,
-- $4 statuses that wait for a receipt, $5 rows at a time. Gives the number of attempts looked at.
WITH mark AS (
    SELECT attempt_id FROM receipt_poll_mark FOR UPDATE SKIP LOCKED
), seen AS MATERIALIZED (
    SELECT a.id, a.message_id, a.platform, a.started_at
    -- Of a time to come it is where the clock was set back since: whoever passes it by never looks again. The mark is
    -- asked for as a value: joined with it, attempts were read from the first one on.
    FROM attempts a
    WHERE a.id > (SELECT attempt_id FROM mark)
      AND (a.started_at < now() - make_interval(secs => $3) OR a.started_at > now() + interval '1 min')
    ORDER BY a.id LIMIT $5
), moved AS (
    UPDATE receipt_poll_mark SET attempt_id = (SELECT max(id) FROM seen) WHERE EXISTS (SELECT FROM seen)
), noted AS (
    INSERT INTO receipt_polls (attempt_id, message_id, platform, next_at)
    SELECT s.id, s.message_id, s.platform, least(s.started_at, now()) + make_interval(secs => p.after_s)
    FROM seen s
    JOIN unnest($1::text[], $2::double precision[]) AS p (platform, after_s) ON p.platform = s.platform
    JOIN messages m ON m.id = s.message_id AND m.attempt_id = s.id AND m.status = ANY($4::text[])
    WHERE s.started_at > now() - interval '72 hours'
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM seen
