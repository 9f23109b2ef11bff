"""Invoices are found by the company that issued them."""

from disparo.db.migrate import run_sql_file

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_sql_file("0022_invoices_by_company.sql")
