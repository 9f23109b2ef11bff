"""The register as lookups show it: search, exact counts, live sources."""

from disparo.db.migrate import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_file("0006_register.sql")
