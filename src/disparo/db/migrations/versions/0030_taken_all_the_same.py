"""What was delivered while it waited to be sent again counts as taken by its platform."""

from disparo.db.migrate import run_sql_file

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_file("0030_taken_all_the_same.sql")
