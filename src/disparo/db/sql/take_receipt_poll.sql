-- Takes the hand-over of a platform that has waited longest to be asked about; only one process gets it. What
-- has its receipt by now, was asked about in vain too often or is too old is forgotten on the way. Always gives a row:
-- `looked` is how many that are due it looked at, the others are null where none of those waits.
-- $1 platform, $2 how long a receipt may be missing (seconds): asked again after twice as long each time,
-- $3 statuses that wait for a receipt, $4 questions at most, $5 how many to look at, $6 seconds since its start at most.
WITH due AS (
    SELECT p.attempt_id, p.asked,
           p.asked < $4 AND m.attempt_id = p.attempt_id AND m.status = ANY($3::text[])
           AND a.started_at > now() - make_interval(secs => $6) AS waits
    FROM receipt_polls p LEFT JOIN messages m ON m.id = p.message_id LEFT JOIN attempts a ON a.id = p.attempt_id
    WHERE p.platform = $1 AND p.next_at <= now()
    ORDER BY p.next_at LIMIT $5 FOR UPDATE OF p SKIP LOCKED
), forgotten AS (
    DELETE FROM receipt_polls WHERE attempt_id IN (SELECT attempt_id FROM due WHERE waits IS NOT TRUE)
), first AS (
    SELECT attempt_id FROM due WHERE waits LIMIT 1
), taken AS (
    UPDATE receipt_polls p
    SET asked = p.asked + 1, next_at = now() + make_interval(secs => $2 * 2 ^ least(p.asked, 10))
    FROM first, messages m, attempts a
    WHERE p.attempt_id = first.attempt_id AND m.id = p.message_id AND a.id = p.attempt_id
    RETURNING p.attempt_id, m.reference, a.platform_id
)
SELECT d.looked, t.attempt_id, t.reference, t.platform_id
FROM (SELECT count(*) AS looked FROM due) d LEFT JOIN taken t ON true
