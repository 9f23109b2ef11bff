-- The first message stored at or after a moment, by halving the ids: they follow the clock, and an index on
-- the time would be written for every message only to be read by lists.
-- $1 moment.
WITH RECURSIVE halving AS (
    SELECT 0::bigint AS low, (SELECT coalesce(max(id), 0) + 1 FROM messages) AS high, 0 AS step
    UNION ALL
    SELECT CASE WHEN t.earlier THEN h.middle ELSE h.low END,
           CASE WHEN t.earlier THEN h.high ELSE h.middle END, h.step + 1
    FROM (SELECT low, high, step, (low + high) / 2 AS middle FROM halving WHERE high - low > 1) h
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT created_at FROM messages WHERE id >= h.middle ORDER BY id LIMIT 1) < $1::timestamptz,
                        false) AS earlier
    ) t
)
SELECT high FROM halving ORDER BY step DESC LIMIT 1
