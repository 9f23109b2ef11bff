-- What all processes have counted together, see docs/decisions/0011. Unlogged: a crash of the database takes
-- the sums back to zero, which Prometheus knows how to read, and folding waits for no flush.
CREATE UNLOGGED TABLE metric_sums (
    name   text NOT NULL,
    labels text NOT NULL,                           -- values, in the family's order, U+001F between them
    value  double precision NOT NULL,
    PRIMARY KEY (name, labels)
) WITH (fillfactor = 50);
