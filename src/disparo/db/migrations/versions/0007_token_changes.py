"""Servers are told when a token, a user or an API client changes."""

from disparo.db.migrate import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_file("0007_token_changes.sql")
