"""A bulk run may leave out who had the invoice's SMS within a day."""

from disparo.db.migrate import run_sql_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql_file("0021_only_the_others.sql")
