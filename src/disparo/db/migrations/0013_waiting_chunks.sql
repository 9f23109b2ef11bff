-- The outcome of a hand-over was the one change of a message on its way that touched indexes: it ended `open`,
-- which two of them asked for, and so was entered anew in all the others. What is open is now found by its
-- chunk: those of bulk runs have their rows in bulk_chunks, the others here, from the first message that waits
-- until none does; what workers have in hand is in claims (docs/decisions/0043).
CREATE TABLE waiting_chunks (
    chunk_id bigint PRIMARY KEY,
    due_at   timestamptz NOT NULL               -- no message of it is due before
) WITH (fillfactor = 50);
COMMENT ON TABLE waiting_chunks IS 'chunks outside bulk_chunks of which messages wait';
CREATE INDEX waiting_chunks_due ON waiting_chunks (due_at);
INSERT INTO waiting_chunks (chunk_id, due_at)
    SELECT chunk_id, min(due_at) FROM messages
    WHERE open AND status = 'queued' AND chunk_id > -1099511627777 GROUP BY chunk_id;

DROP VIEW messages_in_hand;
DROP INDEX messages_chunk, messages_due;
ALTER TABLE messages DROP COLUMN open;
CREATE INDEX messages_chunk ON messages (chunk_id);
CREATE VIEW messages_in_hand AS
    SELECT id, dispatch_id, status, platform FROM messages
    WHERE chunk_id = ANY(ARRAY(SELECT DISTINCT chunk_id FROM claims)) AND status IN ('claimed', 'sending');
-- Whatever waits, whoever's it is.
CREATE VIEW messages_waiting AS
    SELECT m.id, m.dispatch_id, m.due_at, m.wait_since, m.reason
    FROM (SELECT chunk_id FROM waiting_chunks UNION ALL SELECT chunk_id FROM bulk_chunks) c
    JOIN messages m ON m.chunk_id = c.chunk_id
    WHERE m.status = 'queued';

CREATE OR REPLACE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason)
        SELECT id, NULL, status, actor, reason FROM new_rows WHERE chunk_id > 0 ORDER BY id;
    INSERT INTO waiting_chunks (chunk_id, due_at)
        SELECT chunk_id, min(due_at) FROM new_rows
        WHERE status = 'queued' AND chunk_id > -1099511627777 GROUP BY chunk_id
        ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM new_rows WHERE chunk_id < 0) THEN
        INSERT INTO dispatch_counts (dispatch_id, status, delta)
            SELECT dispatch_id, status, count(*) FROM new_rows WHERE chunk_id < 0 GROUP BY 1, 2;
        INSERT INTO bulk_figures (total) SELECT count(*) FROM new_rows WHERE chunk_id < 0;
    END IF;
    RETURN NULL;
END $$;

-- What goes back to wait goes into another chunk; what is to go sooner stays in its own.
CREATE FUNCTION message_waits_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO waiting_chunks AS w (chunk_id, due_at) VALUES (NEW.chunk_id, NEW.due_at)
        ON CONFLICT (chunk_id) DO UPDATE SET due_at = excluded.due_at WHERE w.due_at > excluded.due_at;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_wait_elsewhere AFTER UPDATE OF chunk_id, due_at ON messages FOR EACH ROW
    WHEN (NEW.status = 'queued' AND NEW.chunk_id > -1099511627777
          AND (NEW.chunk_id <> OLD.chunk_id OR NEW.due_at < OLD.due_at))
    EXECUTE FUNCTION message_waits_elsewhere();
