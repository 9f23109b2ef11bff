"""Files that are looked over before they are imported."""

from disparo.db.migrate import run_sql_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_sql_file("0016_uploads.sql")
