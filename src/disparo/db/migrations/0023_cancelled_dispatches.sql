-- What a platform did not take of a dispatch that was cancelled meanwhile does not go again.
ALTER TABLE dispatches ADD COLUMN cancelled_at timestamptz;
