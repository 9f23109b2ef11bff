"""Servers are told when a token, a user or an API client changes."""

from disparo.db.migrate import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_file("0008_token_changes.sql")
