-- The panel: who is signed in, the text's template, and the figures of a day.
CREATE TABLE panel_sessions (
    token_sha256 bytea PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    seen_at      timestamptz NOT NULL DEFAULT now(),
    notice       text                          -- what the next page says, once
);
CREATE INDEX panel_sessions_user ON panel_sessions (user_id);
CREATE INDEX panel_sessions_seen ON panel_sessions (seen_at);

-- The newest row counts; earlier ones show who wrote what.
CREATE TABLE templates (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text       text,                           -- NULL: back to the installation's setting
    actor      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What happened, in pieces of five minutes: a day of a million messages is shown without reading its
-- events. A worker folds closed pieces; what is younger than `until` is counted from the events.
CREATE TABLE event_figures (
    from_at  timestamptz NOT NULL,
    platform text NOT NULL,                    -- '': none yet
    status   text NOT NULL,                    -- 'new', or the status that was reached
    total    integer NOT NULL,
    PRIMARY KEY (from_at, platform, status)
);
CREATE TABLE event_figures_until (
    id    boolean PRIMARY KEY DEFAULT true CHECK (id),
    until timestamptz NOT NULL
);
INSERT INTO event_figures_until (until) VALUES (date_bin('5 minutes', now() - interval '2 days', 'epoch'));
-- What one event counts as. A receipt that came before its outcome says that the platform took the message.
CREATE FUNCTION reached_by(from_status text, to_status text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN from_status IS NULL THEN ARRAY['new']
         WHEN to_status IN ('queued', 'claimed', 'sending') THEN ARRAY[]::text[]
         WHEN from_status IN ('sending', 'uncertain') AND to_status IN ('sent', 'delivered', 'undelivered')
              THEN ARRAY['accepted', to_status]
         ELSE ARRAY[to_status] END;
-- What bulk runs stored, a row for each slice.
CREATE TABLE bulk_figures (
    at    timestamptz NOT NULL DEFAULT now(),
    total integer NOT NULL
);
CREATE INDEX bulk_figures_at ON bulk_figures (at);
CREATE OR REPLACE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason)
        SELECT id, NULL, status, actor, reason FROM new_rows WHERE chunk_id > 0 ORDER BY id;
    IF EXISTS (SELECT FROM new_rows WHERE chunk_id < 0) THEN
        INSERT INTO dispatch_counts (dispatch_id, status, delta)
            SELECT dispatch_id, status, count(*) FROM new_rows WHERE chunk_id < 0 GROUP BY 1, 2;
        INSERT INTO bulk_figures (total) SELECT count(*) FROM new_rows WHERE chunk_id < 0;
    END IF;
    RETURN NULL;
END $$;
CREATE INDEX message_events_at ON message_events USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

-- Rare ends, so these indexes cost the many messages that are delivered nothing.
CREATE INDEX messages_gone_wrong ON messages (status, id)
    WHERE status IN ('undelivered', 'failed', 'skipped', 'cancelled');
CREATE INDEX messages_trouble ON messages (dispatch_id, invoice_id, e164)
    WHERE status IN ('undelivered', 'failed', 'skipped', 'cancelled', 'uncertain', 'held');
CREATE INDEX messages_waiting_for_a_person ON messages (status, id) WHERE status IN ('uncertain', 'held');
CREATE INDEX dispatches_bulk ON dispatches (created_at DESC, id DESC) WHERE kind = 'bulk';
CREATE INDEX audit_log_actor ON audit_log (actor, id);
CREATE INDEX opt_outs_created ON opt_outs (created_at DESC, e164 DESC);
