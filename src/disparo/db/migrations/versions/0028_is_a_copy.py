"""Whether this is a copy is asked at every claim, and so in SQL."""

from disparo.db.migrate import run_sql_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql_file("0028_is_a_copy.sql")
