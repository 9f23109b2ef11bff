"""Phones that were taken for strangers' are read anew."""

from disparo.db.migrate import run_sql_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_sql_file("0026_no_ddd_no_phone.sql")
