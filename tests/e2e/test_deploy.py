"""What is shipped beside the program: nginx in front of it, the image's recipe, dashboard and alert rules."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from tests.support.client import DISPATCH, SEND, Client
from tests.support.house import house as run_house
from tests.support.stage import free_port
from tests.support.visitor import text, visitor

from disparo import __version__
from disparo.api.certificate import self_signed
from disparo.wording import alert_words

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
PROMTOOL = shutil.which("promtool")


# nginx


@contextlib.contextmanager
def nginx(upstream, errors="stderr"):
    """Run the example as it stands, but for ports, certificate, name and where errors are written."""
    folder = Path(tempfile.mkdtemp(prefix="disparo-nginx-"))
    folder.chmod(0o755)
    pair = self_signed(folder, "127.0.0.1")
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "nginx" / "disparo.conf").read_text()
    for old, new in (
        ("127.0.0.1:8000;", f"127.0.0.1:{upstream};"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{secure} ssl http2;"),
        ("/etc/letsencrypt/live/sms.provedor.com.br/fullchain.pem", str(pair.certificate)),
        ("/etc/letsencrypt/live/sms.provedor.com.br/privkey.pem", str(pair.key)),
        ("/var/log/nginx/error.log", str(errors)),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "disparo.conf").write_text(text)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(f"events {{}}\npid {folder}/pid;\nhttp {{ {paths} include {folder}/disparo.conf; }}\n")
    base = [NGINX, "-p", folder, "-c", main, "-e", folder / "error.log"]
    tested = subprocess.run([*base, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    # From 1.25.1 on nginx prefers `http2 on`, which those before do not know.
    assert [
        line for line in tested.stderr.splitlines() if "[warn]" in line and "deprecated" not in line
    ] == []
    with subprocess.Popen([*base, "-g", "daemon off;"]) as server:
        try:
            _wait_for(secure)
            yield plain, secure
        finally:
            server.terminate()
    shutil.rmtree(folder)


def test_a_renewed_certificate_is_taken_up_by_nginx():
    said = (DEPLOY / "nginx" / "disparo.conf").read_text()
    (command,) = re.findall(r"^#   sudo (certbot .+)$", said, re.MULTILINE)
    assert '--deploy-hook "systemctl reload nginx"' in command


def _wait_for(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)  # between two looks
    raise AssertionError("nginx does not listen")


@pytest.mark.skipif(
    NGINX is None, reason="SEM nginx (sudo apt install nginx-light): o exemplo não foi testado"
)
def test_a_call_through_nginx_and_what_the_client_says_of_itself_does_not_count(new_database, tmp_path):
    overrides = {"DISPARO_TRUSTED_PROXIES": '["127.0.0.1"]', "DISPARO_RATE_PER_S": "20"}
    with run_house(new_database(), tmp_path, overrides=overrides, workers_count=0) as house:
        with nginx(house.stage.server_port) as (plain, secure):
            client = Client(f"https://127.0.0.1:{secure}", house.client().token)
            answer = client.send({"id_fatura": 11000})
            assert answer.status == 200
            assert "strict-transport-security" in answer.headers
            assert client.get("/docs").status == 200
            assert client.post("/webhook/simulador/ensaio", {"id": "x"}).status in (200, 400)
            assert client.get("/metrics").status == 404
            outside = Client(client.base)
            assert outside.get(DISPATCH, headers={"X-Forwarded-For": "10.9.9.9"}).status == 401
            assert Client(f"http://127.0.0.1:{plain}").post(SEND, {"id_fatura": 11000}).status == 403
        buckets = {row["bucket"] for row in house.fetch("SELECT bucket FROM rate_limits")}
    assert _bucket("127.0.0.1") in buckets
    assert _bucket("10.9.9.9") not in buckets


@pytest.mark.skipif(
    NGINX is None, reason="SEM nginx (sudo apt install nginx-light): o exemplo não foi testado"
)
def test_the_largest_file_of_importar_passes_nginx(new_database, tmp_path):
    with run_house(new_database(), tmp_path, workers_count=0) as house:
        person, content = visitor(house, ("register",)), b"a" * 16_777_000
        fields = {'"csrf"': person.csrf, '"tipo"': "clientes", '"arquivo"; filename="a.csv"': ""}
        parts = [
            f"Content-Disposition: form-data; name={name}\r\n\r\n{value}" for name, value in fields.items()
        ]
        body = "\r\n".join(f"--X\r\n{part}" for part in parts).encode() + content + b"\r\n--X--\r\n"
        with nginx(house.stage.server_port) as (_, secure):
            person.client = Client(f"https://127.0.0.1:{secure}")
            headers = {"Content-Type": "multipart/form-data; boundary=X"}
            answer = person.call("POST", "/painel/importar", body, headers=headers)
            assert (answer.status, "O arquivo não é um CSV" in text(answer)) == (422, True)


@pytest.mark.skipif(
    NGINX is None, reason="SEM nginx (sudo apt install nginx-light): o exemplo não foi testado"
)
def test_what_nginx_writes_while_nobody_is_behind_it_holds_no_secret_and_no_phone(tmp_path):
    errors = tmp_path / "error.log"
    with nginx(free_port(), errors) as (_, secure):
        client = Client(f"https://127.0.0.1:{secure}")
        assert client.post("/webhook/simulador/s3gredo", {"id": "x"}).status == 502
        assert client.get("/api/v1/integracao/cliente?busca=telefone&termo_busca=11988887777").status == 502
    assert errors.read_text() == ""


def _bucket(address):
    return "address:" + hashlib.blake2b(address.encode(), digest_size=16).hexdigest()


# The image: built by no engine here, so only what can be read is checked


def instructions():
    text = re.sub(r"\\\n", " ", (DEPLOY / "docker" / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def test_the_image_is_small_pinned_and_nobodys_root():
    found = instructions()
    known = {"FROM", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in found} <= known
    images = [rest.split()[0] for name, rest in found if name == "FROM"]
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-bookworm", image) for image in images)
    user = [rest for name, rest in found if name == "USER"][-1]
    assert user.split(":")[0] not in ("0", "root")
    last_run = max(place for place, (name, _) in enumerate(found) if name == "RUN")
    assert last_run < [name for name, _ in found].index("USER")
    assert any("--require-hashes" in rest for name, rest in found if name == "RUN")


def test_what_the_image_copies_is_let_in_and_what_it_starts_exists():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            source = rest.split()[0]
            assert f"!{source}" in ignored
            assert "*" in source or (ROOT / source).exists()
    entry = [json.loads(rest) for name, rest in instructions() if name == "ENTRYPOINT"][-1]
    command = [json.loads(rest) for name, rest in instructions() if name == "CMD"][-1]
    assert entry == ["disparo"]
    help_text = subprocess.run(
        [ROOT / ".venv" / "bin" / "disparo", command[0], "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(option in help_text for option in command if option.startswith("--"))


def test_the_compose_file_is_closed_and_names_files_that_exist():
    compose = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    service = compose["services"]["disparo"]
    assert service["image"] == f"disparo:{__version__}"
    context = (DEPLOY / "docker" / service["build"]["context"]).resolve()
    assert context == ROOT
    assert (context / service["build"]["dockerfile"]).exists()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        assert (
            (DEPLOY / "docker" / source).exists() if source.startswith(".") else source in compose["volumes"]
        )


# Prometheus and Grafana; that the names exist is tested where they are served, in test_health.py


@pytest.mark.skipif(
    PROMTOOL is None, reason="SEM promtool (sudo apt install prometheus): as regras não foram testadas"
)
def test_the_alert_rules_are_valid_and_fire(tmp_path):
    rules = DEPLOY / "prometheus" / "disparo-rules.yml"
    cases = []
    for name in ("disparo-rules-test.yml", "disparo-rules-days-test.yml"):
        text = (ROOT / "tests" / "payloads" / "prometheus" / name).read_text()
        cases.append(tmp_path / name)
        cases[-1].write_text(text.replace("RULES", str(rules)))
    for words in (["check", "rules", rules], ["check", "config", DEPLOY / "prometheus" / "prometheus.yml"]):
        done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([PROMTOOL, "test", "rules", *cases], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_have_words_for_every_kind_of_alert():
    rules = (DEPLOY / "prometheus" / "disparo-rules.yml").read_text()
    of_their_own = {"platform_open", "receipts_stopped"}
    assert [kind for kind in sorted(alert_words.KINDS - of_their_own) if f'"{kind}"' not in rules] == []


def test_the_dashboard_has_what_grafana_needs():
    board = json.loads((DEPLOY / "grafana" / "disparo.json").read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len(panels) >= 20
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
