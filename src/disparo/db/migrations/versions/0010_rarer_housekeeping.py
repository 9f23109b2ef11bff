"""Large tables are looked over when they have grown, not all the time."""

from disparo.db.migrate import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_file("0010_rarer_housekeeping.sql")
