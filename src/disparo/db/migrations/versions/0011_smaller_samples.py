"""Large tables are looked over from fewer pages."""

from disparo.db.migrate import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_file("0011_smaller_samples.sql")
