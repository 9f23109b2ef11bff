"""The panel: sessions, templates, the figures of a day."""

from disparo.db.migrate import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_file("0007_panel.sql")
