"""Mobiles that lack a digit, which were taken for strangers', are read anew."""

from disparo.db.migrate import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_file("0029_a_digit_short.sql")
