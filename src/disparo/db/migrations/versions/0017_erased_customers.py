"""Customers whose data were erased at their request."""

from disparo.db.migrate import run_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql_file("0017_erased_customers.sql")
