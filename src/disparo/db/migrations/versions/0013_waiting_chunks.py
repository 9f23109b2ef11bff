"""What waits is found by its chunk, so that no change of a message on its way touches an index."""

from disparo.db.migrate import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql_file("0013_waiting_chunks.sql")
