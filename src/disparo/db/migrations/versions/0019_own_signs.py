"""Alerts of what only one process sees, and when the database was last copied."""

from disparo.db.migrate import run_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql_file("0019_own_signs.sql")
