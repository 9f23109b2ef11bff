-- What the audit log is looked through for: an act, somebody's act, a day. A line is written for what a person
-- does, so indexes cost little here; ids follow the clock, and `at` leads to the ids of a period.
-- `-id`: in that order the primary key cannot give lines, and so no plan takes it and looks through all of them
-- for a rare act because it holds each act for as frequent as any other.
DROP INDEX audit_log_actor;
CREATE INDEX audit_log_actor ON audit_log (actor, (-id));
CREATE INDEX audit_log_action ON audit_log (action, (-id));
CREATE INDEX audit_log_actor_action ON audit_log (actor, action, (-id));
CREATE INDEX audit_log_at ON audit_log (at, id);
