-- A dump that is loaded into the database it came from (pg_restore --clean) shares cluster, timeline and
-- database with it. Its tables are new ones.
ALTER TABLE installation ADD COLUMN messages_oid oid;  -- NULL: not looked at yet
