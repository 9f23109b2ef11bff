-- A message is updated four times on its way. While a change touches no index, PostgreSQL writes it into the
-- same page and enters it in none of them; so no index names what changes at each step: `status`, `worker_id`,
-- `changed_at`. What indexes need of the status is in two columns that seldom change (docs/decisions/0024).
-- This rewrites the table: 2.6 s for half a million messages.
ALTER TABLE messages
    ADD COLUMN open boolean NOT NULL
        GENERATED ALWAYS AS (status IN ('queued', 'claimed', 'sending')) STORED,
    ADD COLUMN trouble text
        GENERATED ALWAYS AS (CASE WHEN status IN ('undelivered', 'failed', 'skipped', 'cancelled',
                                                  'uncertain', 'held') THEN status END) STORED;
COMMENT ON COLUMN messages.open IS 'waits, or a worker has it in hand';
COMMENT ON COLUMN messages.trouble IS 'the status, where it is one of the rare ends';

DROP INDEX messages_chunk, messages_due, messages_worker, messages_needing_a_person, messages_gone_wrong,
           messages_waiting_for_a_person, messages_trouble;
CREATE INDEX messages_chunk ON messages (chunk_id) WHERE open;
CREATE INDEX messages_due ON messages (due_at) WHERE open AND chunk_id > -1099511627777;
CREATE INDEX messages_trouble ON messages (trouble, id) WHERE trouble IS NOT NULL;
CREATE INDEX messages_trouble_of_dispatch ON messages (dispatch_id, invoice_id, e164) WHERE trouble IS NOT NULL;
-- After the rewrite, so that what is old stays dense: new pages keep room for their messages' next states.
-- Little of them is left for vacuum to find, and it need not hurry: it was seen to take a core for seconds.
ALTER TABLE messages SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE messages RESET (autovacuum_vacuum_cost_delay);
ALTER TABLE attempts SET (fillfactor = 50);

-- Which chunks a worker has messages of in hand: what an index on messages.worker_id told before. A row is
-- written by the very statement that claims, and struck off when nothing of it is in hand any more.
CREATE TABLE claims (
    token     uuid,
    chunk_id  bigint,
    worker_id uuid NOT NULL,
    PRIMARY KEY (token, chunk_id)
);
CREATE INDEX claims_worker ON claims (worker_id);
INSERT INTO claims (token, worker_id, chunk_id)
    SELECT DISTINCT claim_token, worker_id, chunk_id FROM messages
    WHERE open AND status IN ('claimed', 'sending') AND worker_id IS NOT NULL AND claim_token IS NOT NULL;
CREATE VIEW messages_in_hand AS
    SELECT id, dispatch_id, status, platform FROM messages
    WHERE open AND chunk_id = ANY(ARRAY(SELECT DISTINCT chunk_id FROM claims)) AND status IN ('claimed', 'sending');
