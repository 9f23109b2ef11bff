"""What was no phone may be one by now."""

from disparo.db.migrate import run_sql_file

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql_file("0024_more_phones_are_read.sql")
