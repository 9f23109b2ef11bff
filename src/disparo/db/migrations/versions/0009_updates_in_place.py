"""Changes of a message's status touch no index."""

from disparo.db.migrate import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_file("0009_updates_in_place.sql")
