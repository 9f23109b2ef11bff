"""A new version's commands beside an older one that runs: what changes no table works, the rest is refused."""

from __future__ import annotations

import asyncio

from tests.support.own_database import data_folder

from disparo.db.embedded import EmbeddedPostgres
from disparo.db.migrate import _run_alembic


def test_a_backup_can_still_be_made_before_the_restart(command, tmp_path):
    with data_folder() as folder:
        server = EmbeddedPostgres(folder)
        asyncio.run(_run_alembic(server.start(), "0027"))
        try:
            there = {"DISPARO_DATABASE_URL": ""}
            status, said = command("usuario", "listar", "--dados", folder, **there)
            assert (status, "de uma versão anterior" in said) == (1, True), said
            status, said = command("db", "backup", tmp_path / "minha.dump", "--dados", folder, **there)
            assert (status, "Backup gravado" in said) == (0, True), said
            ask = ("db", "shell", "--dados", folder, "--", "-Atc", "SELECT version_num FROM alembic_version")
            assert command(*ask, **there) == (0, "0027\n")
        finally:
            server.stop()
