-- The large tables only grow, and their statements are planned once, for an index, whatever the figures say
-- (decision 0022). PostgreSQL analysed them anew whenever a tenth had changed, which one message does five times:
-- under load that was every half minute, thirty thousand pages from all over the table each time, and once they
-- were no longer in memory the machine stood still for seconds. Now when they have grown by about a half;
-- the events, the most there are (8 s), hardly ever: they are read by message, or by when they happened.
ALTER TABLE messages SET (autovacuum_analyze_scale_factor = 2);
ALTER TABLE attempts SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE receipts SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE dispatches SET (autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE message_events SET (autovacuum_analyze_scale_factor = 10);
ALTER TABLE platform_messages SET (autovacuum_analyze_scale_factor = 0.5);
-- One update of a message in five leaves index entries behind; removing them reads every index from end to end,
-- for a twentieth as for a fifth.
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.2);
