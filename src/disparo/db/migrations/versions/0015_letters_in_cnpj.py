"""New CNPJs have letters."""

from disparo.db.migrate import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql_file("0015_letters_in_cnpj.sql")
