"""Triggers join the rows before and after a statement by hash, however many they are."""

from disparo.db.migrate import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_file("0012_joins_of_changes.sql")
