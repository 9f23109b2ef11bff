-- Whose data were erased at their request: what a source brings of them again is not stored.
CREATE TABLE erased_customers (
    customer_id bigint PRIMARY KEY,
    erased_at   timestamptz NOT NULL DEFAULT now()
);
