"""Contacts are found by phone."""

from disparo.db.migrate import run_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql_file("0020_contacts_by_phone.sql")
