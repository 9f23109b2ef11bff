"""`disparo instalar` in a folder that stands for a machine: complete, repeatable, and no guest's file touched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from pathlib import Path

import pytest
from tests.support.program import command
from tests.support.stage import free_port

from disparo.settings import Settings

UNITS = ("disparo.service", "disparo-server.service", "disparo-worker@.service")


def install(root, *options):
    done = command("instalar", "--raiz", root, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def machine():
    folder = Path(tempfile.mkdtemp(prefix="disparo-raiz-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def unit(machine, name):
    return machine / "etc/systemd/system" / name


def everything(machine):
    return {path: path.read_bytes() for path in machine.rglob("*") if path.is_file()}


def test_a_rehearsal_changes_nothing(machine):
    assert "nada foi alterado" in install(machine, "--simular")
    assert list(machine.iterdir()) == []


def test_what_is_there_afterwards_and_who_may_read_it(machine):
    said = install(machine)
    assert "systemctl enable --now disparo" in said
    modes = {
        "etc/disparo": 0o750,
        "etc/disparo/disparo.toml": 0o640,
        "var/lib/disparo": 0o700,
        "etc/systemd/system/disparo.service": 0o644,
    }
    for path, mode in modes.items():
        assert (machine / path).stat().st_mode & 0o777 == mode, path
    if os.geteuid() == 0:
        name, _, uid, gid = (machine / "etc/passwd").read_text().split("\n")[0].split(":")[:4]
        assert name == "disparo"
        assert (machine / "var/lib/disparo").stat().st_uid == int(uid) != 0
        settings = (machine / "etc/disparo/disparo.toml").stat()
        assert (settings.st_uid, settings.st_gid) == (0, int(gid))


def test_again_is_no_change_and_what_the_administrator_wrote_stays(machine):
    install(machine)
    before = everything(machine)
    install(machine)
    assert everything(machine) == before
    own = machine / "etc/disparo/disparo.toml"
    own.write_text('brand = "MINHA"\n')
    changed = unit(machine, "disparo.service")
    changed.write_text(changed.read_text().replace("--workers 2", "--workers 8"))
    said = install(machine)
    assert own.read_text() == 'brand = "MINHA"\n'
    assert "--workers 8" in changed.read_text()
    assert "--workers 2" in changed.with_name("disparo.service.novo").read_text()
    assert said.count("mantido") == 2


def test_how_to_take_all_of_it_away_names_all_of_it(machine):
    install(machine)
    page = (Path(__file__).parents[2] / "docs/pt-BR/instalar.md").read_text(encoding="utf-8")
    removal = page[page.index("- Tirar tudo:") :]
    of_the_users = {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/.pwd.lock"}
    ours = {f"/{path.relative_to(machine)}" for path in machine.rglob("*") if not path.is_dir()}
    ours = {path for path in ours - of_the_users if not path.endswith("-")}
    named = ("/etc/disparo/", "/etc/systemd/system/disparo")
    assert [path for path in sorted(ours) if not path.startswith(named) and f"`{path}`" not in removal] == []
    assert "userdel disparo" in removal


def test_an_older_unit_of_ours_is_renewed(machine):
    from disparo.cli.installation.writing import Root, write_ours

    path = "/etc/systemd/system/disparo.service"
    write_ours(Root(machine, dry=False), path, "[Service]\nExecStart=/antigo\n")
    assert "atualizado" in install(machine)
    assert "/antigo" not in unit(machine, "disparo.service").read_text()


def test_the_units_are_clean_and_closed(machine):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("SEM systemd-analyze (sudo apt install systemd): as unidades não foram verificadas")
    install(machine)
    for name in UNITS:
        done = subprocess.run(
            ["systemd-analyze", "verify", unit(machine, name)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), name
        text = unit(machine, name).read_text()
        for line in ("ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateTmp=yes", "User=disparo"):
            assert line in text


def test_a_unit_asked_to_reload_reads_its_secrets_again(machine):
    install(machine)
    for name in UNITS:
        assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in unit(machine, name).read_text(), name


def test_the_settings_file_has_every_setting_with_its_default(machine, monkeypatch):
    install(machine)
    text = (machine / "etc/disparo/disparo.toml").read_text()
    for name in set(Settings.model_fields) - {"platforms"}:
        assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE), name
    monkeypatch.setenv("DISPARO_CONFIG", str(machine / "etc/disparo/disparo.toml"))
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k != "DISPARO_DATA_DIR"})
    as_written = Settings()
    assert as_written.data_dir == Path("/var/lib/disparo")
    assert as_written.model_dump(exclude={"data_dir"}) == Settings.model_construct().model_dump(
        exclude={"data_dir"}
    )
    with_all = tomllib.loads(re.sub(r"^# (?=[a-z_\[][a-z_.\]]*( =|$))", "", text, flags=re.MULTILINE))
    assert set(Settings.model_fields) <= set(with_all)
    assert Settings(**with_all).brand == Settings.model_construct().brand


def test_the_units_command_serves_without_a_secret_or_a_made_up_customer_in_the_journal(machine):
    install(machine)
    (command,) = re.findall(r"^ExecStart=(.*)$", unit(machine, "disparo.service").read_text(), re.MULTILINE)
    port, data = free_port(), machine / "dados"
    environment = {
        **os.environ,
        "DISPARO_CONFIG": str(machine / "etc/disparo/disparo.toml"),
        "DISPARO_DATA_DIR": str(data),
        "DISPARO_PORT": str(port),
    }
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        (machine / "journal").open("w") as journal,
    ):
        systemd.bind(str(machine / "notify"))
        systemd.settimeout(110)
        environment["NOTIFY_SOCKET"] = str(machine / "notify")
        service = subprocess.Popen(command.split(), env=environment, stdout=journal, stderr=journal)
        try:
            assert systemd.recv(100) == b"READY=1"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/saude") as answer:
                assert answer.status == 200
            listed = subprocess.run(
                [*command.split()[:1], "usuario", "listar"],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            service.send_signal(signal.SIGTERM)
            assert service.wait(60) == 0
        assert systemd.recv(100) == b"STOPPING=1"
    assert "@" not in listed.stdout
    text = (machine / "journal").read_text()
    assert "client_secret" not in text
    assert "senha" not in text


@pytest.mark.parametrize("words", [("usuario", "listar"), ("run", "--porta", "0", "--tls-self-signed")])
def test_root_does_not_start_the_database_of_another_user(machine, words):
    if os.geteuid() != 0:
        pytest.skip("only root can be in the way of another user")
    install(machine)
    done = command(*words, "--dados", machine / "var/lib/disparo")
    assert done.returncode == 1
    assert "sudo -u" in done.stderr
    assert list((machine / "var/lib/disparo").iterdir()) == []


def test_a_unit_that_fails_again_and_again_is_started_again_and_again(machine):
    """systemd gives up after five starts in ten seconds: wrong settings end a worker's in less than one."""
    install(machine)
    for name in UNITS:
        about, _, _ = unit(machine, name).read_text().partition("[Service]")
        assert "\nStartLimitIntervalSec=0\n" in about, name


def test_what_is_installed_is_on_the_disk_before_it_has_its_name(machine):
    """After a power cut an empty file would be there, which a second run takes for the administrator's."""
    trace = machine / "trace"
    called = [sys.executable, "-m", "disparo", "instalar", "--raiz", str(machine / "raiz")]
    (machine / "raiz").mkdir(mode=0o755)
    done = traced(trace, called)
    assert done.returncode == 0, done.stderr
    said = trace.read_text(errors="replace")
    for path in ("etc/disparo/disparo.toml", "etc/systemd/system/disparo.service"):
        place = machine / "raiz" / path
        fresh = place.with_name(f".{place.name}.disparo")
        order = [
            said.find(f'rename("{fresh}", "{place}")'),
            said.find(f"<{place.parent}>", said.find(f'rename("{fresh}", "{place}")')),
        ]
        assert 0 < said.find(f"<{fresh}>") < order[0] < order[1], path


def traced(trace, called):
    """Run it, its flushes and renames written down; skips where this machine forbids that."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    command = ["strace", "-f", "-y", "-e", "trace=fsync,rename", "-o", str(trace), *called]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not trace.exists() or "ptrace" in done.stderr:
        pytest.skip("this machine forbids tracing")
    return done
