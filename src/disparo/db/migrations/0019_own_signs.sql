ALTER TABLE alerts ADD COLUMN seen_at timestamptz;
COMMENT ON COLUMN alerts.seen_at IS 'of what only the process that sees it can see: when one last did';
ALTER TABLE installation ADD COLUMN copied_at timestamptz;
COMMENT ON COLUMN installation.copied_at IS 'when `disparo db backup` last ended well; null: never';
