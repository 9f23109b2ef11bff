-- A run may leave out who had the same invoice's SMS within a day, each phone by itself.
ALTER TABLE bulk_runs ADD COLUMN only_others boolean NOT NULL DEFAULT false;
