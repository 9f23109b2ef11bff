"""`disparo doctor` sees what is wrong with the files of an installation, and says how to mend it."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import tempfile
from pathlib import Path

import pytest

from disparo.api.certificate import self_signed
from disparo.cli import doctor
from disparo.cli.examine import files
from disparo.cli.examine.finding import Grade
from disparo.cli.examine.readers import examine_readers
from disparo.settings import Settings


def grades(findings):
    return {finding.subject: finding.grade for finding in findings}


def test_open_folders_and_secrets(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "database.secret").touch(mode=0o644)
    found = grades(files.examine_data_dir(tmp_path))
    assert found[f"pasta {tmp_path}"] is found[f"arquivo {tmp_path}/database.secret"] is Grade.WRONG
    tmp_path.chmod(0o700)
    (tmp_path / "database.secret").chmod(0o600)
    found = grades(files.examine_data_dir(tmp_path))
    assert found[f"pasta {tmp_path}"] is Grade.OK
    assert f"arquivo {tmp_path}/database.secret" not in found


def test_the_databases_own_user_passes_through_roots_folder_after_what_the_doctor_says(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files away")
    (tmp_path / "postgres").mkdir(mode=0o700)
    os.chown(tmp_path / "postgres", 4711, 4711)
    for mode in (0o755, 0o700):
        tmp_path.chmod(mode)
        folder = files.examine_data_dir(tmp_path)[0]
        assert folder.grade is Grade.WRONG
        subprocess.run(folder.remedy.removeprefix("sudo ").split(), check=True)
        assert tmp_path.stat().st_mode & 0o777 == 0o711
        assert files.examine_data_dir(tmp_path)[0].grade is Grade.OK


def test_a_database_that_somebody_else_copied_in(tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files away")
    (tmp_path / "postgres").mkdir(mode=0o700)
    for owner, inside, grade in ((4711, 0, Grade.WRONG), (4711, 4711, None), (0, 4711, None)):
        os.chown(tmp_path, owner, owner)
        os.chown(tmp_path / "postgres", inside, inside)
        found = grades(files.examine_data_dir(tmp_path))
        assert found.get(f"arquivo {tmp_path}/postgres") is grade, (owner, inside)
    monkeypatch.setattr(files, "INSTALLED", tmp_path)
    monkeypatch.setattr(files, "_is_group", lambda _: True)
    folder = files.examine_data_dir(tmp_path)[-2]
    assert (folder.grade, folder.remedy) == (Grade.WRONG, f"sudo chown -R disparo:disparo {tmp_path}")


def test_a_folder_that_is_closed_to_whoever_looks_is_said_and_the_rest_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, how: how == os.F_OK)
    assert [found.remedy for found in files.examine_data_dir(tmp_path)] == ["Rode o doctor com sudo."]
    assert asyncio.run(doctor._database(Settings(data_dir=tmp_path), tmp_path)) == []


def test_the_settings_file(tmp_path):
    path = tmp_path / "disparo.toml"
    assert files.examine_settings_file(path).grade is Grade.NOTE
    for mode, grade in ((0o640, Grade.OK), (0o644, Grade.WRONG), (0o660, Grade.WRONG), (0o600, Grade.OK)):
        path.touch()
        path.chmod(mode)
        assert files.examine_settings_file(path).grade is grade, oct(mode)


def test_how_to_close_the_settings_file_is_told_for_the_way_it_was_installed(tmp_path, monkeypatch):
    path = tmp_path / "disparo.toml"
    path.touch(0o644)
    path.chmod(0o644)
    monkeypatch.setattr(files, "_is_group", lambda name: name != "disparo")
    assert files.examine_settings_file(path).remedy == f"chmod 600 {path}"
    monkeypatch.setattr(files, "_is_group", lambda _: True)
    assert files.examine_settings_file(path).remedy.startswith("sudo chown root:disparo")


@pytest.mark.parametrize(
    ("days", "grade", "says"),
    [
        (-0.02, Grade.WRONG, "venceu há 1 dia"),
        (9.5, Grade.NOTE, "vence em 10 dias"),
        (90.5, Grade.OK, "vale por mais 90 dias"),
    ],
)
def test_a_certificate_that_ends_is_told_before(tmp_path, monkeypatch, days, grade, says):
    monkeypatch.setattr("disparo.api.certificate._SELF_SIGNED_DAYS", days)
    found = files.examine_certificate(self_signed(tmp_path, "127.0.0.1").certificate)
    assert (found.grade, says in found.text) == (grade, True), found
    other = tmp_path / "nada.pem"
    other.write_text("nada")
    assert "não é um certificado" in files.examine_certificate(other).text
    assert files.examine_certificate(tmp_path / "falta.pem").grade is Grade.WRONG


def test_a_key_of_another_certificate_is_said(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = (self_signed(tmp_path / name, "127.0.0.1") for name in ("one", "other"))
    fits = files.examine_pair(one.certificate, one.key)
    assert [found.grade for found in fits] == [Grade.OK]
    _, wrong = files.examine_pair(one.certificate, other.key)
    assert (wrong.grade, "a chave é a de outro certificado" in wrong.text) == (Grade.WRONG, True), wrong
    assert files.examine_pair(None, None) == []


@pytest.mark.parametrize(("free", "grade"), [(2e8, Grade.WRONG), (3e9, Grade.NOTE), (5e10, Grade.OK)])
def test_a_disk_that_fills_up(tmp_path, free, grade):
    assert files.judge_room(tmp_path, free).grade is grade


def test_what_root_can_read_and_the_service_cannot_is_said_with_what_opens_it():
    """A secret that root wrote closed to others: the service goes on with older settings, or does not start."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files away")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        data_dir, toml, secret = (folder / each for each in ("d", "disparo.toml", "chave"))
        data_dir.mkdir()
        for path in (toml, secret):
            path.write_text("x")
            path.chmod(0o600)
        settings = Settings(platforms={"minha": {"secrets": {"chave": f"file:{secret}"}}})
        assert examine_readers(settings, toml, data_dir) == []  # root's own house
        os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
        closed = examine_readers(settings, toml, data_dir)
        assert [found.subject for found in closed] == [f"arquivo {toml}", f"arquivo {secret}"]
        assert {found.grade for found in closed} == {Grade.WRONG}
        subprocess.run(closed[1].remedy.replace("sudo ", ""), shell=True, check=True)
        assert examine_readers(settings, toml, data_dir) == closed[:1]
        folder.chmod(0o700)
        assert "uma pasta acima dele é fechada" in examine_readers(settings, toml, data_dir)[1].text
