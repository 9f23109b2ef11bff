-- The register as the lookups show it, found by any part of a name, and counted without being counted.

-- ---------------------------------------------------------------- what is searched for
-- Lower case, without accents. Not the unaccent extension: the default database has none (decision 0015).
CREATE FUNCTION search_fold(word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    translate(lower(word),
              'áàâãäåéèêëíìîïóòôõöúùûüçñýÁÀÂÃÄÅÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑÝ',
              'aaaaaaeeeeiiiiooooouuuucnyaaaaaaeeeeiiiiooooouuuucny');

-- Every three bytes in a row of a folded word, each as one number from 0 to 2^24 - 1.
CREATE FUNCTION search_trigrams(folded text) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    bytes bytea := convert_to(coalesce(folded, ''), 'UTF8');
    found integer[] := '{}';
    three integer;
BEGIN
    IF length(bytes) < 3 THEN
        RETURN found;
    END IF;
    three := get_byte(bytes, 0) << 8 | get_byte(bytes, 1);
    FOR place IN 2 .. length(bytes) - 1 LOOP
        three := (three & 65535) << 8 | get_byte(bytes, place);
        found[place - 1] := three;
    END LOOP;
    RETURN found;
END $$;

-- The last eight digits of a phone field that may hold several: negative, so that they and trigrams can
-- share one index. With or without area code and ninth digit they are the same.
CREATE FUNCTION search_phones(field text) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits text := translate(field, ' ()-.+', '');
BEGIN
    IF digits IS NULL OR digits = '' THEN
        RETURN '{}';
    END IF;
    IF ltrim(digits, '0123456789') = '' THEN
        RETURN CASE WHEN length(digits) >= 8 THEN ARRAY[-1 - right(digits, 8)::integer] ELSE '{}' END;
    END IF;
    RETURN ARRAY(SELECT -1 - right(part, 8)::integer
                 FROM (SELECT regexp_replace(piece, '[^0-9]', '', 'g') AS part
                       FROM regexp_split_to_table(field, '[;,/|]') AS piece) parts
                 WHERE length(part) >= 8);
END $$;

-- Its body is parsed now, not when it runs: pg_restore fills tables without a search_path.
CREATE FUNCTION customer_search(name text, trade_name text, phone_1 text, phone_2 text, phone_3 text)
    RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    search_trigrams(search_fold(name)) || search_trigrams(search_fold(trade_name))
    || search_phones(phone_1) || search_phones(phone_2) || search_phones(phone_3);

-- ---------------------------------------------------------------- customers
ALTER TABLE customers
    ADD COLUMN code          bigint,                 -- what people call them by; NULL: the id
    ADD COLUMN trade_name    text,
    ADD COLUMN cpf_cnpj      text CHECK (cpf_cnpj ~ '^[0-9]{11}([0-9]{3})?$'),
    ADD COLUMN email_1       text,
    ADD COLUMN email_2       text,
    ADD COLUMN birth_date    date,
    ADD COLUMN active        boolean NOT NULL DEFAULT true,
    -- As the source's clock on the wall had it: a fact like a due date, never compared with now().
    ADD COLUMN registered_at timestamp(0) NOT NULL DEFAULT localtimestamp,
    ADD COLUMN uuid          text,
    ADD COLUMN external_id   text,
    ADD COLUMN services      jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN addresses     jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN source        text;                   -- the live source it came from; NULL: a file, or pushed

ALTER TABLE customers
    ADD COLUMN shown_code        bigint GENERATED ALWAYS AS (coalesce(code, id)) STORED,
    ADD COLUMN name_folded       text GENERATED ALWAYS AS (search_fold(name)) STORED,
    ADD COLUMN trade_name_folded text GENERATED ALWAYS AS (search_fold(trade_name)) STORED,
    ADD COLUMN search            integer[]
        GENERATED ALWAYS AS (customer_search(name, trade_name, phone_1, phone_2, phone_3)) STORED;

CREATE INDEX customers_search ON customers USING gin (search);
CREATE INDEX customers_services ON customers USING gin (services jsonb_path_ops);
-- With what a name is compared by: the first ones in order are looked at without their rows.
CREATE INDEX customers_name ON customers (name_folded COLLATE "C", id) INCLUDE (active);
CREATE INDEX customers_registered ON customers (registered_at, id) INCLUDE (active, name_folded);
CREATE INDEX customers_code ON customers (shown_code, id) INCLUDE (active, name_folded);
CREATE INDEX customers_trade_name ON customers (trade_name_folded COLLATE "C", id)
    WHERE trade_name_folded IS NOT NULL;
CREATE INDEX customers_cpf_cnpj ON customers (cpf_cnpj) WHERE cpf_cnpj IS NOT NULL;
CREATE INDEX customers_email_1 ON customers (lower(email_1)) WHERE email_1 IS NOT NULL;
CREATE INDEX customers_email_2 ON customers (lower(email_2)) WHERE email_2 IS NOT NULL;
CREATE INDEX customers_uuid ON customers (uuid) WHERE uuid IS NOT NULL;
CREATE INDEX customers_external_id ON customers (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX customers_inactive ON customers (id) WHERE NOT active;

-- The trigrams of each word that fewest customers have, as far as statistics know: each one more costs the
-- index a look and leaves out hardly anybody.
CREATE FUNCTION search_rarest(folded text, of_each_word integer) RETURNS integer[] LANGUAGE sql STABLE RETURN (
    SELECT array_agg(rare.trigram) FROM (
        SELECT wanted.trigram,
               row_number() OVER (PARTITION BY wanted.word ORDER BY coalesce(known.share, 0)) AS place
        FROM (SELECT t.trigram, cardinality(string_to_array(left(folded, t.at::integer + 2), ' ')) AS word
              FROM unnest(search_trigrams(folded)) WITH ORDINALITY AS t (trigram, at)) wanted
        LEFT JOIN (SELECT unnest(s.most_common_elems::text::integer[]) AS trigram,
                          unnest(s.most_common_elem_freqs) AS share
                   FROM pg_stats s WHERE s.tablename = 'customers' AND s.attname = 'search') known
            ON known.trigram = wanted.trigram
    ) rare WHERE rare.place <= of_each_word
);

-- ---------------------------------------------------------------- invoices
ALTER TABLE invoices
    ADD COLUMN registered_on date NOT NULL DEFAULT current_date,
    ADD COLUMN paid_amount   numeric(14, 2),
    ADD COLUMN details       jsonb NOT NULL DEFAULT '{}',  -- shown by the lookups, used by nothing else
    ADD COLUMN source        text,                         -- the live source it came from
    ADD COLUMN checked_at    timestamptz;                  -- when that source was last asked

CREATE INDEX invoices_due ON invoices (due_date, id) INCLUDE (status, amount);
CREATE INDEX invoices_paid ON invoices (paid_at, id) INCLUDE (status, amount) WHERE paid_at IS NOT NULL;
CREATE INDEX invoices_registered ON invoices (registered_on, id) INCLUDE (status, amount);

-- ---------------------------------------------------------------- counts
-- How many customers and invoices there are of each day and state: the sum of these rows, appended by the
-- triggers below and folded now and then (decision 0016). `kind`: customer, due, paid, registered: the day.
CREATE TABLE register_counts (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind  text NOT NULL,
    day   date NOT NULL,
    state text NOT NULL,
    delta bigint NOT NULL
);
CREATE INDEX register_counts_day ON register_counts (kind, day) INCLUDE (state, delta);

CREATE FUNCTION invoice_state(status text, amount numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN amount = 0 THEN status || '_zero' ELSE status END;

CREATE FUNCTION customers_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT 'customer', registered_at::date, CASE WHEN active THEN 'active' ELSE 'inactive' END, count(*)
            FROM new_rows GROUP BY 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT 'customer', registered_at::date, CASE WHEN active THEN 'active' ELSE 'inactive' END, -count(*)
            FROM old_rows GROUP BY 2, 3;
    ELSE
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT 'customer', moved.day, moved.state, sum(moved.delta)
            FROM old_rows o JOIN new_rows n ON n.id = o.id
                 AND (o.registered_at::date, o.active) IS DISTINCT FROM (n.registered_at::date, n.active)
            CROSS JOIN LATERAL (VALUES
                (o.registered_at::date, CASE WHEN o.active THEN 'active' ELSE 'inactive' END, -1),
                (n.registered_at::date, CASE WHEN n.active THEN 'active' ELSE 'inactive' END, 1)
            ) AS moved (day, state, delta)
            GROUP BY 2, 3 HAVING sum(moved.delta) <> 0;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION invoices_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT 'due', due_date, invoice_state(status, amount), count(*) FROM new_rows GROUP BY 2, 3
            UNION ALL
            SELECT 'registered', registered_on, invoice_state(status, amount), count(*)
            FROM new_rows GROUP BY 2, 3
            UNION ALL
            SELECT 'paid', paid_at, invoice_state(status, amount), count(*)
            FROM new_rows WHERE paid_at IS NOT NULL GROUP BY 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT 'due', due_date, invoice_state(status, amount), -count(*) FROM old_rows GROUP BY 2, 3
            UNION ALL
            SELECT 'registered', registered_on, invoice_state(status, amount), -count(*)
            FROM old_rows GROUP BY 2, 3
            UNION ALL
            SELECT 'paid', paid_at, invoice_state(status, amount), -count(*)
            FROM old_rows WHERE paid_at IS NOT NULL GROUP BY 2, 3;
    ELSE
        INSERT INTO register_counts (kind, day, state, delta)
            SELECT moved.kind, moved.day, moved.state, sum(moved.delta)
            FROM old_rows o JOIN new_rows n ON n.id = o.id
                 AND (o.due_date, o.registered_on, o.paid_at, o.status, o.amount = 0)
                     IS DISTINCT FROM (n.due_date, n.registered_on, n.paid_at, n.status, n.amount = 0)
            CROSS JOIN LATERAL (VALUES
                ('due', o.due_date, invoice_state(o.status, o.amount), -1),
                ('due', n.due_date, invoice_state(n.status, n.amount), 1),
                ('registered', o.registered_on, invoice_state(o.status, o.amount), -1),
                ('registered', n.registered_on, invoice_state(n.status, n.amount), 1),
                ('paid', o.paid_at, invoice_state(o.status, o.amount), -1),
                ('paid', n.paid_at, invoice_state(n.status, n.amount), 1)
            ) AS moved (kind, day, state, delta)
            WHERE moved.day IS NOT NULL
            GROUP BY 1, 2, 3 HAVING sum(moved.delta) <> 0;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER customers_inserted AFTER INSERT ON customers
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION customers_counted();
CREATE TRIGGER customers_updated AFTER UPDATE ON customers
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION customers_counted();
CREATE TRIGGER customers_deleted AFTER DELETE ON customers
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION customers_counted();
CREATE TRIGGER invoices_inserted AFTER INSERT ON invoices
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION invoices_counted();
CREATE TRIGGER invoices_updated AFTER UPDATE ON invoices
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_counted();
CREATE TRIGGER invoices_deleted AFTER DELETE ON invoices
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION invoices_counted();

-- TRUNCATE tells no trigger its rows: what it empties is counted as empty.
CREATE FUNCTION customers_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM register_counts WHERE kind = 'customer';
    RETURN NULL;
END $$;
CREATE FUNCTION invoices_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM register_counts WHERE kind <> 'customer';
    RETURN NULL;
END $$;
CREATE TRIGGER customers_truncated AFTER TRUNCATE ON customers
    FOR EACH STATEMENT EXECUTE FUNCTION customers_emptied();
CREATE TRIGGER invoices_truncated AFTER TRUNCATE ON invoices
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_emptied();

INSERT INTO register_counts (kind, day, state, delta)
    SELECT 'customer', registered_at::date, 'active', count(*) FROM customers GROUP BY 2
    UNION ALL
    SELECT 'due', due_date, invoice_state(status, amount), count(*) FROM invoices GROUP BY 2, 3
    UNION ALL
    SELECT 'registered', registered_on, invoice_state(status, amount), count(*) FROM invoices GROUP BY 2, 3
    UNION ALL
    SELECT 'paid', paid_at, invoice_state(status, amount), count(*)
    FROM invoices WHERE paid_at IS NOT NULL GROUP BY 2, 3;

-- ---------------------------------------------------------------- live sources
-- Where each source's sync stands, so that one that was cut goes on from there.
CREATE TABLE sync_states (
    source      text PRIMARY KEY,
    -- What the running pass has done: its kind, its period and the page that comes next.
    progress    jsonb NOT NULL DEFAULT '{}',
    -- The day from which the next incremental pass has to ask; NULL: no full pass has ended yet.
    complete_to date,
    full_at     timestamptz,                     -- when a full pass last ended
    started_at  timestamptz,
    finished_at timestamptz,
    failed_at   timestamptz,
    failure     text
);
