"""Contacts are found by name."""

from disparo.db.migrate import run_sql_file

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql_file("0031_contacts_by_name.sql")
