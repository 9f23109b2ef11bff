-- What all workers know of a platform together: how much of it is used, and whether it works.
CREATE TABLE platform_day_use (
    platform text NOT NULL,
    bucket   timestamptz NOT NULL,                  -- ten minutes from here
    used     integer NOT NULL,                      -- hand-overs granted in them
    PRIMARY KEY (platform, bucket)
) WITH (fillfactor = 50);

-- Who may have how many hand-overs in flight at once; a dead worker's share goes with its row in `workers`.
CREATE TABLE platform_lanes (
    platform  text NOT NULL,
    worker_id uuid NOT NULL REFERENCES workers ON DELETE CASCADE,
    wants     integer NOT NULL,
    holds     integer NOT NULL,
    PRIMARY KEY (platform, worker_id)
) WITH (fillfactor = 50);
CREATE INDEX platform_lanes_worker ON platform_lanes (worker_id);

CREATE TABLE platform_states (
    platform    text PRIMARY KEY,
    paused_by   text,                               -- NULL: not paused
    paused_at   timestamptz,
    open_reason text,                               -- the breaker; NULL: closed, all is well
    opened_at   timestamptz,
    probe_at    timestamptz,                        -- when a single message may next be tried
    probes      integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What a person is told of, once when it begins and once when it is over.
CREATE TABLE alerts (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    subject    text NOT NULL,
    detail     text,
    raised_at  timestamptz NOT NULL DEFAULT now(),
    cleared_at timestamptz,
    told_at    timestamptz,                         -- of its beginning
    told_over  timestamptz,                         -- of its end
    taken_until timestamptz                         -- somebody is just telling of it
);
CREATE UNIQUE INDEX alerts_live ON alerts (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_untold ON alerts (id) WHERE told_at IS NULL OR (cleared_at IS NOT NULL AND told_over IS NULL);

COMMENT ON COLUMN messages.chunk_id IS 'the queue entry that wakes a worker for it; negative: of a bulk run, never before a single call';

-- What a message costs. Its children are written by one trigger and one statement alone, so foreign keys
-- guard nothing there and are checked row by row; what is deleted is deleted by the set instead.
ALTER TABLE message_events DROP CONSTRAINT message_events_message_id_fkey;
ALTER TABLE message_events DROP CONSTRAINT message_events_pkey;
DROP INDEX message_events_message;
ALTER TABLE message_events ADD PRIMARY KEY (message_id, id);
ALTER TABLE attempts DROP CONSTRAINT attempts_message_id_fkey;
ALTER TABLE dispatch_counts DROP CONSTRAINT dispatch_counts_dispatch_id_fkey;

CREATE FUNCTION messages_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM message_events WHERE message_id IN (SELECT id FROM old_rows);
    DELETE FROM attempts WHERE message_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER messages_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION messages_deleted();

CREATE FUNCTION dispatches_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM dispatch_counts WHERE dispatch_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER dispatches_deleted AFTER DELETE ON dispatches
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION dispatches_deleted();

-- A single call has a handful of messages: they are counted where they are. Only a bulk run's are summed.
DELETE FROM dispatch_counts c USING dispatches d WHERE d.id = c.dispatch_id AND d.kind = 'single';

CREATE FUNCTION counts_of(dispatch uuid, kind text) RETURNS TABLE (status text, total integer)
LANGUAGE sql STABLE AS $$
    SELECT m.status, count(*)::integer FROM messages m
    WHERE kind = 'single' AND m.dispatch_id = dispatch GROUP BY 1
    UNION ALL
    SELECT c.status, sum(c.delta)::integer FROM dispatch_counts c
    WHERE kind <> 'single' AND c.dispatch_id = dispatch GROUP BY 1 HAVING sum(c.delta) <> 0
$$;

CREATE OR REPLACE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason)
        SELECT id, NULL, status, actor, reason FROM new_rows ORDER BY id;
    IF EXISTS (SELECT FROM new_rows WHERE chunk_id < 0) THEN
        INSERT INTO dispatch_counts (dispatch_id, status, delta)
            SELECT dispatch_id, status, count(*) FROM new_rows WHERE chunk_id < 0 GROUP BY 1, 2;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION messages_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason, attempt_id)
        SELECT n.id, o.status, n.status, n.actor, n.reason, n.attempt_id
        FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.status <> n.status ORDER BY n.id;
    IF EXISTS (SELECT FROM new_rows WHERE chunk_id < 0) THEN
        INSERT INTO dispatch_counts (dispatch_id, status, delta)
            SELECT dispatch_id, status, sum(delta) FROM (
                SELECT n.dispatch_id, unnest(ARRAY[n.status, o.status]) AS status, unnest(ARRAY[1, -1]) AS delta
                FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.chunk_id < 0 AND o.status <> n.status
            ) moves GROUP BY 1, 2 HAVING sum(delta) <> 0;
    END IF;
    RETURN NULL;
END $$;

ALTER TABLE attempts SET (fillfactor = 70);          -- their outcome is written into the same page
CREATE INDEX attempts_started ON attempts USING brin (started_at) WITH (pages_per_range = 32);
DROP INDEX platform_messages_attempt;                -- read by nothing
