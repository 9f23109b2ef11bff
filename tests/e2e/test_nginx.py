"""The nginx recipe of docs/pt-BR/hubsoft-ao-lado.md, with nginx from the distribution."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.client import SEND, Client
from tests.support.house import house as run_house
from tests.support.hubsoft import BASE, CLIENT, HubsoftStandIn, settings_for
from tests.support.stage import free_port

PAGE = Path(__file__).parents[2] / "docs" / "pt-BR" / "hubsoft-ao-lado.md"
pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx: apt install nginx-light")


@pytest.fixture(scope="module")
def there():
    with HubsoftStandIn(20, 40).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(there, DISPARO_HUBSOFT_LOCAL_CLIENT="1", DISPARO_SYNC_EVERY_S="0")
    folder = tmp_path_factory.mktemp("house")
    with run_house(new_database(), folder, overrides=settings, workers_count=0) as house:
        yield house


@pytest.fixture(scope="module")
def front(house, there, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    folder.chmod(0o755)
    recipe = re.search(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/var/log/nginx", str(folder))
    recipe = recipe.replace("http://127.0.0.1:8000", house.stage.base).replace("https://10.0.0.5", there.url)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{recipe} }}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    front = Client(f"http://127.0.0.1:{port}")
    house.until(lambda: _answers(front))
    yield front
    server.terminate()
    server.wait(10)


def _answers(client):
    try:
        return client.get("/").status
    except OSError:
        return 0


def test_only_enviar_sms_comes_to_us(front, house, there):
    logged_in = front.post("/oauth/token", {"grant_type": "password", **CLIENT})
    client = Client(front.base, logged_in.json["access_token"])
    answer = client.send({"id_fatura": 11000})
    assert (answer.status, len(answer.json["job"]["telefones"])) == (200, 1)
    assert client.get(answer.json["disparo"]["consulta"]).status == 200
    there.calls.clear()
    assert client.get(f"{BASE}/cliente?busca=id_cliente&termo_busca=7").json["clientes"][0]["id_cliente"] == 7
    assert client.get(f"{BASE}/atendimento").headers["x-original"] == "sim"
    assert there.calls[f"{BASE}/cliente"] == 1
    assert there.calls[SEND] == 0
