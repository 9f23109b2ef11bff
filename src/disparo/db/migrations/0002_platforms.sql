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
    told_over  timestamptz                          -- of its end
);
CREATE UNIQUE INDEX alerts_live ON alerts (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_untold ON alerts (id) WHERE told_at IS NULL OR (cleared_at IS NOT NULL AND told_over IS NULL);

COMMENT ON COLUMN messages.chunk_id IS 'the queue entry that wakes a worker for it; negative: of a bulk run, never before a single call';
