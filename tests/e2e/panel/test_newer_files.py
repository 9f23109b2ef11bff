"""While a version runs, `pip` puts a newer one's files in its place: what runs goes on as it began."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
from tests.support.client import Client
from tests.support.stage import free_port
from tests.support.visitor import ADMIN_PAGES, PAGES, visitor

import disparo


def test_every_page_and_statement_was_read_at_the_start(house, tmp_path):
    here, port = tmp_path / "disparo", free_port()
    shutil.copytree(Path(disparo.__file__).parent, here)
    environment = {**os.environ, **house.stage.environment(), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "disparo", "serve", "--porta", str(port)]
    server = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    try:
        person = visitor(house)
        person.client = Client(f"http://127.0.0.1:{port}")
        _wait_until_ready(person.client)
        _wait_until_at_rest(server)  # what is read at the start is read beside the first calls
        for folder in ("panel/templates", "panel/static", "db/sql", "sources"):
            shutil.rmtree(here / folder)
        answers = {path: person.get(path).status for path in (*PAGES, *ADMIN_PAGES, "/painel/importar")}
        assert set(answers.values()) == {200}, answers
        assert _look_over_a_workbook(person).status == 200
    finally:
        server.terminate()
        server.wait(30)


def _look_over_a_workbook(person):
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["id_cliente", "Nome"])
    book.active.append([82001, "ANA"])
    book.save(file)
    part = "--X\r\nContent-Disposition: form-data; name="
    fields = f'{part}"csrf"\r\n\r\n{person.csrf}\r\n{part}"tipo"\r\n\r\nclientes\r\n'
    head = f'{fields}{part}"arquivo"; filename="clientes.xlsx"\r\n\r\n'
    body = head.encode() + file.getvalue() + b"\r\n--X--\r\n"
    of_forms = {"Content-Type": "multipart/form-data; boundary=X"}
    return person.call("POST", "/painel/importar", body, headers=of_forms)


def _wait_until_ready(client):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if client.call("GET", "/saude").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)  # between two looks
    raise AssertionError("the server did not begin")


def _wait_until_at_rest(server):
    """Until it has used no time for a second: on a machine with others there is no telling how long reading takes."""
    used, since = _ticks(server), time.monotonic()
    until = since + 60
    while time.monotonic() - since < 1:
        assert time.monotonic() < until, "the server never rests"
        time.sleep(0.1)  # between two looks
        if _ticks(server) != used:
            used, since = _ticks(server), time.monotonic()


def _ticks(server):
    fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return fields[11:13]
