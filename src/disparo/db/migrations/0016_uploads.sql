-- Files that somebody is looking over at the panel before they are imported: the last one of each person, for a day.
CREATE TABLE uploads (
    id          uuid PRIMARY KEY,
    user_id     bigint NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    kind        text NOT NULL,
    name        text NOT NULL,
    content     bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE uploads ALTER COLUMN content SET STORAGE EXTERNAL;
