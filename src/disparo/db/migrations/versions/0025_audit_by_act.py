"""The audit log is looked through by act and by day, however many lines it has."""

from disparo.db.migrate import run_sql_file

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_sql_file("0025_audit_by_act.sql")
