-- What PostgreSQL reads of a large table to look it over is three hundred pages for each step of its histograms,
-- from all over the table: with the usual hundred steps 200 MB of `messages` were read in two seconds after
-- half an hour of load, from the disk, and whoever committed meanwhile waited for half a second. Statements are
-- planned for their indexes here whatever the figures say (decision 0022): twenty steps tell enough, and as
-- often as a table has doubled.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT attrelid::regclass AS name, attname FROM pg_attribute
        WHERE attrelid IN ('messages'::regclass, 'attempts'::regclass, 'receipts'::regclass, 'dispatches'::regclass,
                           'message_events'::regclass, 'platform_messages'::regclass)
          AND attnum > 0 AND NOT attisdropped
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 20', item.name, item.attname);
    END LOOP;
END $$;
ALTER TABLE messages SET (autovacuum_analyze_scale_factor = 5);
ALTER TABLE attempts SET (autovacuum_analyze_scale_factor = 2);
ALTER TABLE dispatches SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE platform_messages SET (autovacuum_analyze_scale_factor = 1);
-- As 0010 says now; there was a day on which it said 0.5.
ALTER TABLE message_events SET (autovacuum_analyze_scale_factor = 10);

-- Hand-overs that the index had not heard of yet, up to a fifth of all, were read each time somebody asked for a
-- stretch of time: every few seconds. Now it hears of them by and by, as that of the events does.
ALTER INDEX attempts_started SET (autosummarize = on);
SELECT brin_summarize_new_values('attempts_started');
