-- Bulk runs: a dispatch that is queued slice by slice, by whichever process is alive.
ALTER TABLE dispatches DROP CONSTRAINT dispatches_purpose_check;
ALTER TABLE dispatches ADD CONSTRAINT dispatches_purpose_check
    CHECK (purpose IN ('requested', 'notice', 'collection', 'by_due_date'));

CREATE TABLE bulk_runs (
    dispatch_id uuid PRIMARY KEY REFERENCES dispatches ON DELETE CASCADE,
    run_key     text UNIQUE,                    -- a person's name for it: asked for twice, it runs once
    actor       text NOT NULL,
    not_before  timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'cancelled', 'done')),
    invoice_ids bigint[],                       -- NULL: those the dates meet
    due_from    date,
    due_to      date,
    total       bigint,                         -- invoices it began with; NULL: not counted yet
    cursor_due  date NOT NULL DEFAULT '0001-01-01',
    cursor_id   bigint NOT NULL DEFAULT 0,      -- with invoice_ids: how many of them are in slices
    carved_at   timestamptz,                    -- when the last slice was carved
    resumed_at  timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX bulk_runs_open ON bulk_runs (dispatch_id) WHERE finished_at IS NULL;

-- Carved and not queued yet. A slice's messages and the end of its row are one transaction.
CREATE TABLE bulk_slices (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispatch_id uuid NOT NULL REFERENCES bulk_runs ON DELETE CASCADE,
    invoice_ids bigint[] NOT NULL
);
CREATE INDEX bulk_slices_run ON bulk_slices (dispatch_id);

-- What slices found: invoices looked at, and what is left out, by reason. Appended, so that no slice
-- waits for another.
CREATE TABLE bulk_tallies (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispatch_id uuid NOT NULL REFERENCES bulk_runs ON DELETE CASCADE,
    what        text NOT NULL,
    count       bigint NOT NULL
);
CREATE INDEX bulk_tallies_run ON bulk_tallies (dispatch_id);

-- A run's own chunks, below -2^40, are not the queue engine's: workers take them from here, a few at a time,
-- in turns. What is put off or given back later gets a small negative chunk, and an entry in the engine.
CREATE SEQUENCE bulk_chunks_id_seq INCREMENT -1 START -1099511627777 MAXVALUE -1099511627777
    MINVALUE -9223372036854775807;
CREATE TABLE bulk_chunks (
    chunk_id    bigint PRIMARY KEY,
    dispatch_id uuid NOT NULL REFERENCES bulk_runs ON DELETE CASCADE,
    due_at      timestamptz NOT NULL,
    worker_id   uuid REFERENCES workers ON DELETE SET NULL
);
CREATE INDEX bulk_chunks_free ON bulk_chunks (dispatch_id, due_at, chunk_id DESC) WHERE worker_id IS NULL;
CREATE INDEX bulk_chunks_worker ON bulk_chunks (worker_id) WHERE worker_id IS NOT NULL;
CREATE TABLE bulk_turns (
    dispatch_id uuid PRIMARY KEY REFERENCES bulk_runs ON DELETE CASCADE,
    served_at   timestamptz NOT NULL
) WITH (fillfactor = 50);

DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (due_at) WHERE status = 'queued' AND chunk_id > -1099511627777;
CREATE INDEX invoices_open_due ON invoices (due_date, id) WHERE status = 'open';

-- Written by statements that hold the dispatch in hand; a look-up for each row was a tenth of queuing.
ALTER TABLE messages DROP CONSTRAINT messages_dispatch_id_fkey;
CREATE OR REPLACE FUNCTION dispatches_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM messages WHERE dispatch_id IN (SELECT id FROM old_rows);
    DELETE FROM dispatch_counts WHERE dispatch_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END $$;

-- A bulk message's first event says nothing that its own row does not: created_at, and its dispatch's actor.
CREATE OR REPLACE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason)
        SELECT id, NULL, status, actor, reason FROM new_rows WHERE chunk_id > 0 ORDER BY id;
    IF EXISTS (SELECT FROM new_rows WHERE chunk_id < 0) THEN
        INSERT INTO dispatch_counts (dispatch_id, status, delta)
            SELECT dispatch_id, status, count(*) FROM new_rows WHERE chunk_id < 0 GROUP BY 1, 2;
    END IF;
    RETURN NULL;
END $$;

-- ---------------------------------------------------------------- numbers, read once
-- What domain/recipients.py makes of the phones as registered: who may get an SMS (national digits, in the
-- register's order), and who may not (`reason:digits`). NULL: not read yet, or the phones have changed since.
ALTER TABLE customers ADD COLUMN sms_numbers text[], ADD COLUMN no_sms text[];
ALTER TABLE contacts  ADD COLUMN sms_numbers text[], ADD COLUMN no_sms text[];
CREATE INDEX customers_unread ON customers (id) WHERE sms_numbers IS NULL;
CREATE INDEX contacts_unread ON contacts (id) WHERE sms_numbers IS NULL;

CREATE FUNCTION forget_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sms_numbers := NULL;
    NEW.no_sms := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER customers_phones BEFORE UPDATE ON customers FOR EACH ROW
    WHEN ((OLD.phone_1, OLD.phone_1_allowed, OLD.phone_2, OLD.phone_2_allowed, OLD.phone_3, OLD.phone_3_allowed)
          IS DISTINCT FROM
          (NEW.phone_1, NEW.phone_1_allowed, NEW.phone_2, NEW.phone_2_allowed, NEW.phone_3, NEW.phone_3_allowed))
    EXECUTE FUNCTION forget_numbers();
CREATE TRIGGER contacts_phones BEFORE UPDATE ON contacts FOR EACH ROW
    WHEN ((OLD.phone, OLD.sms_allowed) IS DISTINCT FROM (NEW.phone, NEW.sms_allowed))
    EXECUTE FUNCTION forget_numbers();

-- ---------------------------------------------------------------- housekeeping
-- How far each job has come that goes through a table in the order of its ids, which is that of time.
CREATE TABLE housekeeping (
    job  text PRIMARY KEY,
    upto bigint NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE messages ADD COLUMN text_sha256 bytea;  -- what is left of the text when its time has run out
CREATE INDEX platform_messages_nameless ON platform_messages (created_at) WHERE attempt_id IS NULL;
ALTER TABLE dispatch_counts SET (autovacuum_vacuum_scale_factor = 0.02);
