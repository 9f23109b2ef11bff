-- The whole first schema. PostgreSQL 15 or newer, no extension.
-- Times are timestamptz (UTC inside); money is numeric; phones are stored as registered (national
-- digits) beside the E.164 form that is sent.

-- ---------------------------------------------------------------- the installation itself
CREATE TABLE installation (
    id                boolean PRIMARY KEY DEFAULT true CHECK (id),
    system_identifier numeric NOT NULL,        -- of the cluster this database was last seen in
    timeline          integer NOT NULL,
    database_oid      oid NOT NULL,
    held_since        timestamptz,             -- set after a restore or a promotion (docs/delivery.md §8)
    held_reason       text
);

CREATE TABLE audit_log (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,                      -- 'usuario:7', 'cliente_api:3', 'cli:root'
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

-- ---------------------------------------------------------------- who may call
CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL,
    name          text NOT NULL DEFAULT '',
    password_hash text NOT NULL,               -- argon2id
    permissions   text[] NOT NULL DEFAULT '{}',
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE api_clients (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    secret_sha256   bytea NOT NULL,
    error_codes     text NOT NULL DEFAULT 'rest' CHECK (error_codes IN ('rest', 'hubsoft')),
    purpose         text NOT NULL DEFAULT 'requested' CHECK (purpose IN ('requested', 'notice', 'collection')),
    repeat_window_s integer NOT NULL DEFAULT 0 CHECK (repeat_window_s >= 0),
    rate_per_s      double precision,          -- NULL: the installation's setting; 0: off
    rate_burst      integer,
    extra_phones_per_day integer,              -- NULL: the installation's setting
    active          boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE signing_keys (
    kid         text PRIMARY KEY,
    private_pem text NOT NULL,
    public_pem  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE access_tokens (
    jti        uuid PRIMARY KEY,
    client_id  integer NOT NULL REFERENCES api_clients ON DELETE CASCADE,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    family_id  uuid NOT NULL,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX access_tokens_user ON access_tokens (user_id);
CREATE INDEX access_tokens_client ON access_tokens (client_id);
CREATE INDEX access_tokens_family ON access_tokens (family_id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    token_sha256 bytea PRIMARY KEY,
    family_id    uuid NOT NULL,
    client_id    integer NOT NULL REFERENCES api_clients ON DELETE CASCADE,
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    issued_at    timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    rotated_at   timestamptz,                  -- when it was exchanged for its successor
    revoked_at   timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);

-- One row a bucket, GCRA: the theoretical arrival time of the next call.
CREATE UNLOGGED TABLE rate_limits (
    bucket text PRIMARY KEY,
    tat    timestamptz NOT NULL
);

-- ---------------------------------------------------------------- whom it is about
CREATE TABLE customers (
    id            bigint PRIMARY KEY,
    name          text NOT NULL,
    uf            text CHECK (uf ~ '^[A-Z]{2}$'),
    phone_1       text, phone_1_allowed boolean NOT NULL DEFAULT true,
    phone_2       text, phone_2_allowed boolean NOT NULL DEFAULT true,
    phone_3       text, phone_3_allowed boolean NOT NULL DEFAULT true,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE contacts (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    name        text NOT NULL DEFAULT '',
    phone       text NOT NULL,
    sms_allowed boolean NOT NULL DEFAULT false,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_customer ON contacts (customer_id);

CREATE TABLE invoices (
    id              bigint PRIMARY KEY,
    customer_id     bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    amount          numeric(14, 2) NOT NULL,
    due_date        date NOT NULL,
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'paid', 'cancelled')),
    paid_at         date,
    link            text,
    linha_digitavel text,
    pix             text,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX invoices_customer ON invoices (customer_id);

CREATE TABLE opt_outs (
    e164       text PRIMARY KEY,
    reason     text NOT NULL,                  -- 'asked', 'platform', 'inbound'
    actor      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What platforms told us of a number (class `number`): shown, never an opt-out.
CREATE TABLE bad_numbers (
    e164       text PRIMARY KEY,
    platform   text NOT NULL,
    code       text,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------- what is to be sent
CREATE SEQUENCE chunks_id_seq;

CREATE TABLE dispatches (
    id               uuid PRIMARY KEY,
    kind             text NOT NULL DEFAULT 'single' CHECK (kind IN ('single', 'bulk')),
    queue            text NOT NULL,
    purpose          text NOT NULL CHECK (purpose IN ('requested', 'notice', 'collection')),
    tries            smallint NOT NULL,
    timeout_s        integer NOT NULL,
    invoice_ids      bigint[] NOT NULL,
    client_id        integer,
    user_id          bigint,
    created_at       timestamptz NOT NULL DEFAULT now(),
    starts_at        timestamptz NOT NULL,
    ignored          jsonb NOT NULL DEFAULT '[]'   -- phones that were left out, with the reason
);
CREATE INDEX dispatches_created ON dispatches (created_at DESC, id DESC);

CREATE TABLE messages (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispatch_id  uuid NOT NULL REFERENCES dispatches ON DELETE CASCADE,
    invoice_id   bigint NOT NULL,
    customer_id  bigint NOT NULL,
    contact_id   bigint,
    origin       text NOT NULL CHECK (origin IN ('customer', 'contact', 'extra')),
    name         text NOT NULL,
    phone        text NOT NULL,                -- national digits as registered
    e164         text NOT NULL,
    reference    text NOT NULL,                -- ours, unguessable, the same in every attempt
    status       text NOT NULL DEFAULT 'queued',
    reason       text,                         -- of the last change
    actor        text NOT NULL,                -- of the last change
    created_at   timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL,         -- not to be claimed before
    wait_since   timestamptz NOT NULL,         -- `timeout` counts from here
    chunk_id     bigint NOT NULL,              -- the queue entry that wakes a worker for it
    worker_id    uuid,                         -- who holds it, while claimed or sending
    claim_token  uuid,
    attempt_id   bigint,                       -- the last attempt
    tries        smallint NOT NULL DEFAULT 0,  -- hand-overs that may have had an effect
    not_taken    integer NOT NULL DEFAULT 0,   -- hand-overs that surely had none: only for the back-off
    crashes      smallint NOT NULL DEFAULT 0,  -- workers that died preparing it
    platform     text,
    platform_id  text,
    segments     smallint,
    text         text,                         -- as it was handed over
    CHECK (status IN ('queued', 'claimed', 'sending', 'accepted', 'sent', 'delivered', 'undelivered',
                      'failed', 'uncertain', 'held', 'skipped', 'cancelled'))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX messages_once ON messages (dispatch_id, invoice_id, e164);
CREATE UNIQUE INDEX messages_reference ON messages (reference);
CREATE INDEX messages_phone ON messages (e164, created_at DESC);
CREATE INDEX messages_invoice ON messages (invoice_id, created_at DESC);
CREATE INDEX messages_chunk ON messages (chunk_id) WHERE status = 'queued';
CREATE INDEX messages_due ON messages (due_at) WHERE status = 'queued';
CREATE INDEX messages_worker ON messages (worker_id) WHERE status IN ('claimed', 'sending');
CREATE INDEX messages_needing_a_person ON messages (status, changed_at) WHERE status IN ('uncertain', 'held');

CREATE TABLE attempts (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    message_id  bigint NOT NULL REFERENCES messages ON DELETE CASCADE,
    platform    text NOT NULL,
    worker_id   uuid NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome     text,                          -- NULL: never recorded
    platform_id text,
    code        text,
    detail      text,
    failure     text,
    latency_ms  integer
);
CREATE INDEX attempts_message ON attempts (message_id);

-- Every change of every message, written by the trigger below: no statement can forget it.
CREATE TABLE message_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  bigint NOT NULL REFERENCES messages ON DELETE CASCADE,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_status text,
    to_status   text NOT NULL,
    actor       text NOT NULL,
    reason      text,
    attempt_id  bigint
);
CREATE INDEX message_events_message ON message_events (message_id);

-- A dispatch's counts are the sum of its rows here: appended by the trigger, folded now and then, so
-- that a run of a million messages has no one hot row.
CREATE TABLE dispatch_counts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispatch_id uuid NOT NULL REFERENCES dispatches ON DELETE CASCADE,
    status      text NOT NULL,
    delta       integer NOT NULL
);
CREATE INDEX dispatch_counts_dispatch ON dispatch_counts (dispatch_id, status);

CREATE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason)
        SELECT id, NULL, status, actor, reason FROM new_rows ORDER BY id;
    INSERT INTO dispatch_counts (dispatch_id, status, delta)
        SELECT dispatch_id, status, count(*) FROM new_rows GROUP BY 1, 2;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION messages_inserted();

CREATE FUNCTION messages_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_events (message_id, from_status, to_status, actor, reason, attempt_id)
        SELECT n.id, o.status, n.status, n.actor, n.reason, n.attempt_id
        FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.status <> n.status ORDER BY n.id;
    INSERT INTO dispatch_counts (dispatch_id, status, delta)
        SELECT dispatch_id, status, sum(delta) FROM (
            SELECT n.dispatch_id, n.status, 1 AS delta
            FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE o.status <> n.status
            UNION ALL
            SELECT o.dispatch_id, o.status, -1
            FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE o.status <> n.status
        ) moves GROUP BY 1, 2 HAVING sum(delta) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION messages_updated();

-- ---------------------------------------------------------------- who is sending
-- A worker is alive while its beat changes; no clock is compared (docs/delivery.md §4.4).
CREATE TABLE workers (
    id         uuid PRIMARY KEY,
    beat       bigint NOT NULL DEFAULT 0,
    host       text NOT NULL,
    pid        integer NOT NULL,
    preparing  bigint,                         -- the chunk it looks at now: suspect if it dies of it
    started_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- A platform's rate: the next free slot (GCRA); taken in a transaction of its own.
CREATE TABLE platform_rates (
    platform text PRIMARY KEY,
    tat      timestamptz NOT NULL
) WITH (fillfactor = 50);

-- ---------------------------------------------------------------- what platforms say later
-- Receipt and outcome both upsert this row first, so that an early receipt and its outcome serialise.
CREATE TABLE platform_messages (
    platform    text NOT NULL,
    platform_id text NOT NULL,
    attempt_id  bigint,                        -- NULL: only a receipt has named it so far
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (platform, platform_id)
);
CREATE INDEX platform_messages_attempt ON platform_messages (attempt_id);

CREATE TABLE receipts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform    text NOT NULL,
    digest      bytea NOT NULL,                -- of the normalised content: a repeated call is one row
    platform_id text,
    reference   text,
    kind        text NOT NULL CHECK (kind IN ('sent', 'delivered', 'undelivered', 'other')),
    code        text,
    failure     text,
    carrier     text,
    happened_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    raw         text NOT NULL,
    applied_at  timestamptz,                   -- NULL: not matched yet
    attempt_id  bigint,
    result      text                           -- 'moved', 'no_move', 'contradiction', 'unmatched'
);
CREATE UNIQUE INDEX receipts_once ON receipts (platform, digest);
CREATE INDEX receipts_waiting ON receipts (id) WHERE applied_at IS NULL;
CREATE INDEX receipts_waiting_by_id ON receipts (platform, platform_id) WHERE applied_at IS NULL;
CREATE INDEX receipts_attempt ON receipts (attempt_id);

-- ---------------------------------------------------------------- repeated calls
CREATE TABLE idempotency_keys (
    client_id      integer NOT NULL,
    user_id        bigint NOT NULL,
    route          text NOT NULL,
    key            text NOT NULL,
    request_digest bytea NOT NULL,
    response       bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, user_id, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Additional phones used by a client in a day of the installation's zone: a stolen token pumps no SMS.
CREATE TABLE extra_phone_use (
    client_id integer NOT NULL,
    day       date NOT NULL,
    used      integer NOT NULL,
    PRIMARY KEY (client_id, day)
);
