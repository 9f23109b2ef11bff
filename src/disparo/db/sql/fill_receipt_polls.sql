-- Notes the hand-overs whose receipts must be asked for, each attempt once, in the order of their numbers.
-- An attempt's number and its time may differ in order by a moment; the youngest looked at is minutes old.
-- $1 platforms that must be asked, $2 how long their receipts may be missing (seconds), $3 the shortest of them,
-- $4 statuses that wait for a receipt, $5 rows at a time. Gives the number of attempts looked at.
WITH mark AS (
    SELECT attempt_id FROM receipt_poll_mark FOR UPDATE SKIP LOCKED
), seen AS MATERIALIZED (
    SELECT a.id, a.message_id, a.platform, a.started_at
    FROM mark JOIN attempts a ON a.id > mark.attempt_id
    WHERE a.started_at < now() - make_interval(secs => $3)
    ORDER BY a.id LIMIT $5
), moved AS (
    UPDATE receipt_poll_mark SET attempt_id = (SELECT max(id) FROM seen) WHERE EXISTS (SELECT FROM seen)
), noted AS (
    INSERT INTO receipt_polls (attempt_id, message_id, platform, next_at)
    SELECT s.id, s.message_id, s.platform, s.started_at + make_interval(secs => p.after_s)
    FROM seen s
    JOIN unnest($1::text[], $2::double precision[]) AS p (platform, after_s) ON p.platform = s.platform
    JOIN messages m ON m.id = s.message_id AND m.attempt_id = s.id AND m.status = ANY($4::text[])
    WHERE s.started_at > now() - interval '72 hours'
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM seen
