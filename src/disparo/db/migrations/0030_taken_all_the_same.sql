-- What one event counts as. A receipt of what no answer had said to be taken says it: before the outcome of its hand-over,
-- while it waits to be sent again, or is held, or against what was thought to be its end.
CREATE OR REPLACE FUNCTION reached_by(from_status text, to_status text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN from_status IS NULL THEN ARRAY['new']
         WHEN to_status IN ('queued', 'claimed', 'sending') THEN ARRAY[]::text[]
         WHEN to_status IN ('sent', 'delivered', 'undelivered') AND from_status NOT IN ('accepted', 'sent', 'undelivered')
              THEN ARRAY['accepted', to_status]
         ELSE ARRAY[to_status] END;
