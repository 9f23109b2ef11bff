"""A dump that is loaded into the same database is a copy too."""

from disparo.db.migrate import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql_file("0014_restored_in_place.sql")
