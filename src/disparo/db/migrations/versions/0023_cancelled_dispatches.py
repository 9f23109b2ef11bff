"""A dispatch knows that it was cancelled."""

from disparo.db.migrate import run_sql_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql_file("0023_cancelled_dispatches.sql")
