"""What `./dev build` makes is the whole product: it runs where nothing of this folder is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from bootstrap.environment import environment, pip_mirror
from tests.support.documents import commands_under

from disparo import __version__

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "docs" / "pt-BR" / "instalar.md"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture
def data():
    """A folder that the database's user reaches."""
    made = Path(tempfile.mkdtemp(prefix="disparo-wheel-"))
    made.chmod(0o711)
    yield made / "dados"
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.slow
def test_the_document_typed_in_a_fresh_home(wheel, tmp_path, data):
    """The lines for uv and those that prepare a reseller; those for pip are typed by `./dev instalacao`."""
    home = tmp_path / "ana"
    home.mkdir()
    shutil.copy(wheel, home)
    # Only where the packages come from is this folder's own.
    env = {
        **{name: value for name, value in _environment().items() if not name.startswith("DISPARO_")},
        "HOME": str(home),
        "DISPARO_DATA_DIR": str(data),  # root's would be the machine's own
        "PATH": f"{home}/.local/bin:{ROOT}/.tools/bin:/usr/bin:/bin",
        "UV_PYTHON": sys.executable,
        "UV_CACHE_DIR": _uv_cache(),
    }
    uv = commands_under(INSTALL, "Com o uv")
    link = "mkdir -p ~/disparo && ln -s ~/.local/bin ~/disparo/bin\n"
    reseller = commands_under(INSTALL, "Deixar a sua revenda")
    done = subprocess.run(
        ["bash", "-euc", uv + link + reseller],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Entregues ao aparelho: 3 de 3." in done.stdout
    assert "\ncomtele: " in done.stdout
    assert "POST https://sms.comtele.com.br/" in done.stdout
    assert done.stdout.rstrip().endswith("envio real desligado)")


def _uv_cache():
    uv = ROOT / ".tools" / "bin" / "uv"
    return subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()


def _environment():
    """The environment of `./dev`, which knows how pip and uv reach their packages from here."""
    env = environment()
    return {**pip_mirror(shutil.which("python3"), env), **env}


def test_name_and_version(wheel):
    assert wheel.name == f"disparo-{__version__}-py3-none-any.whl"


def test_every_file_of_the_package_is_in_it(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src"
    wanted = {
        str(path.relative_to(package))
        for path in (package / "disparo").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= inside
    assert not [name for name in inside if name.startswith(("tests/", "bench/", "bootstrap/"))]
