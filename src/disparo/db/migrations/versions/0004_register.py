"""The register as lookups show it: search, exact counts, live sources."""

from disparo.db.migrate import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_file("0004_register.sql")
