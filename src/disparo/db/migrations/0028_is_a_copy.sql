-- What a database does not share with its copy, restored, promoted or loaded in its place: cluster, timeline, tables.
CREATE FUNCTION this_database(
    OUT system_identifier numeric, OUT timeline integer, OUT database_oid oid, OUT messages_oid oid
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT s.system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer, d.oid
    INTO system_identifier, timeline, database_oid
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database();
    messages_oid := 'messages'::regclass;
END $$;

-- Whether nothing has noticed yet that it is another than that we last ran on. A standby, which says nothing of its
-- timeline and takes no writes, is none, nor is one on which nothing ran yet.
CREATE FUNCTION is_unnoticed_copy() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT pg_is_in_recovery() AND EXISTS (
        SELECT FROM installation i, this_database() d
        WHERE (i.system_identifier, i.timeline, i.database_oid, coalesce(i.messages_oid, d.messages_oid))
              IS DISTINCT FROM (d.system_identifier, d.timeline, d.database_oid, d.messages_oid)
    );
END $$;
