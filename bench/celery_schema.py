"""The table of the Celery shape, with the indexes such a sender has."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
    id uuid PRIMARY KEY, invoice_id bigint NOT NULL, phone text NOT NULL, body text NOT NULL,
    status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz
);
CREATE INDEX IF NOT EXISTS notifications_created ON notifications (created_at);
CREATE INDEX IF NOT EXISTS notifications_status ON notifications (status);
CREATE INDEX IF NOT EXISTS notifications_phone ON notifications (phone);
"""
