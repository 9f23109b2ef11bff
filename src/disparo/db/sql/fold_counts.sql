-- Sums the count rows of dispatches with more than 20 new ones: only the last rows are looked at, so that the
-- cost is the same however many dispatches there have been. The dispatch's row is locked so that two folders
-- do not take the same; appenders, who share its key, hold nobody up and are not held up.
WITH many AS (
    SELECT dispatch_id FROM dispatch_counts WHERE id > (SELECT max(id) FROM dispatch_counts) - 200000
    GROUP BY dispatch_id HAVING count(*) > 20 LIMIT 100
), locked AS (
    SELECT d.id FROM dispatches d JOIN many ON many.dispatch_id = d.id ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
), taken AS (
    DELETE FROM dispatch_counts c USING locked l WHERE c.dispatch_id = l.id RETURNING c.dispatch_id, c.status, c.delta
)
INSERT INTO dispatch_counts (dispatch_id, status, delta)
SELECT dispatch_id, status, sum(delta) FROM taken GROUP BY 1, 2 HAVING sum(delta) <> 0
