-- Texts that customers send to us, and receipts that must be asked for.

CREATE TABLE inbound_texts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform    text NOT NULL,
    digest      bytea NOT NULL,                -- of what makes it one: a call that is repeated is one row
    platform_id text,
    sender      text,                          -- as the platform wrote it
    e164        text,                          -- NULL: nobody we could write to
    message_id  bigint,                        -- ours that it answers, or the last one to that number
    text        text NOT NULL,
    opted_out   boolean NOT NULL,              -- it asked for no more, and the number is suppressed
    received_at timestamptz NOT NULL DEFAULT now(),
    raw         text NOT NULL
);
CREATE UNIQUE INDEX inbound_texts_once ON inbound_texts (platform, digest);
CREATE INDEX inbound_texts_phone ON inbound_texts (e164, id DESC);

-- An opt-out on record: by what, and by which text, where it was a text.
ALTER TABLE opt_outs
    ADD COLUMN platform   text,
    ADD COLUMN inbound_id bigint REFERENCES inbound_texts ON DELETE SET NULL;
CREATE INDEX opt_outs_inbound ON opt_outs (inbound_id) WHERE inbound_id IS NOT NULL;

-- Accepted hand-overs whose receipts nobody brings: when to ask next. Rows go when there is nothing to ask.
CREATE TABLE receipt_polls (
    attempt_id  bigint PRIMARY KEY,
    message_id  bigint NOT NULL,
    platform    text NOT NULL,
    next_at     timestamptz NOT NULL,
    asked       smallint NOT NULL DEFAULT 0
);
CREATE INDEX receipt_polls_due ON receipt_polls (platform, next_at);

-- Up to which attempt `receipt_polls` was filled; attempts are looked at once, in the order of their numbers.
CREATE TABLE receipt_poll_mark (
    id         boolean PRIMARY KEY DEFAULT true CHECK (id),
    attempt_id bigint NOT NULL
);
INSERT INTO receipt_poll_mark (attempt_id) VALUES (0);
