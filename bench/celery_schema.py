"""The tables of the two Celery shapes, each with the indexes such a sender has.

`notify`: the columns and indexes of the best-run public sender (GOV.UK Notify: `notifications`, as its
published models and migrations have it), but for two trigram indexes: the private PostgreSQL lacks `pg_trgm`.
`lean`: what a small sender gets along with, three indexes.
"""

from __future__ import annotations

from typing import NamedTuple

_NOTIFY = """
CREATE TABLE IF NOT EXISTS notifications (
    id uuid PRIMARY KEY, "to" varchar NOT NULL, normalised_to varchar, job_id uuid, job_row_number int,
    service_id uuid, template_id uuid, template_version int NOT NULL, api_key_id uuid,
    key_type varchar NOT NULL, billable_units int NOT NULL DEFAULT 0, notification_type text NOT NULL,
    created_at timestamp NOT NULL,
    sent_at timestamp, sent_by varchar, updated_at timestamp, status text, reference varchar,
    client_reference varchar, personalisation varchar, international boolean NOT NULL DEFAULT false,
    phone_prefix varchar, rate_multiplier numeric, created_by_id uuid, reply_to_text varchar,
    UNIQUE (job_id, job_row_number)
);
CREATE INDEX IF NOT EXISTS by_job ON notifications (job_id);
CREATE INDEX IF NOT EXISTS by_template ON notifications (template_id);
CREATE INDEX IF NOT EXISTS by_creation ON notifications (created_at);
CREATE INDEX IF NOT EXISTS by_reference ON notifications (reference);
CREATE INDEX IF NOT EXISTS by_client_reference ON notifications (client_reference);
CREATE INDEX IF NOT EXISTS by_kind ON notifications (notification_type, status, created_at);
CREATE INDEX IF NOT EXISTS by_service ON notifications (service_id, created_at);
CREATE INDEX IF NOT EXISTS by_service_kind ON notifications (service_id, notification_type, created_at);
CREATE INDEX IF NOT EXISTS undelivered ON notifications (service_id, notification_type, created_at)
    WHERE status <> 'delivered';
"""
_LEAN = """
CREATE TABLE IF NOT EXISTS notifications (
    id uuid PRIMARY KEY, invoice_id bigint NOT NULL, phone text NOT NULL, body text NOT NULL,
    status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz
);
CREATE INDEX IF NOT EXISTS notifications_created ON notifications (created_at);
CREATE INDEX IF NOT EXISTS notifications_status ON notifications (status);
CREATE INDEX IF NOT EXISTS notifications_phone ON notifications (phone);
"""


class Shape(NamedTuple):
    """`table`: its name in bench/celery_shape.py; `unsent`: what a row is that waits, by an index."""

    table: str
    schema: str
    unsent: str


SHAPES = {
    "celery": Shape("notify", _NOTIFY, "notification_type = 'sms' AND status = 'created'"),
    "celery_lean": Shape("lean", _LEAN, "status = 'created'"),
}
