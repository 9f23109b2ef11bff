"""Pages of messages keep room for the texts that come later."""

from disparo.db.migrate import run_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_sql_file("0018_room_for_texts.sql")
