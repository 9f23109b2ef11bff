"""Whose folder it is decides who may run a command on it, and the others are told whom to ask."""

from __future__ import annotations

import os

import pytest

from disparo.cli.context import database, refuse_on_anothers
from disparo.db.data_dir import take_lock
from disparo.errors import DatabaseUnavailable


def test_another_users_running_database_is_not_called_unready(tmp_path, monkeypatch):
    with take_lock(tmp_path):
        stranger = os.geteuid() + 1
        monkeypatch.setattr("os.geteuid", lambda: stranger)
        with pytest.raises(
            DatabaseUnavailable, match=r"é do usuário \w+\. Rode como ele: sudo -u \w+ disparo"
        ):
            database(tmp_path).__enter__()


def test_a_user_without_a_name_is_written_as_sudo_takes_it(tmp_path, monkeypatch):
    def nobody(_uid):
        raise KeyError

    stranger = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: stranger)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    owner = tmp_path.stat().st_uid
    with pytest.raises(
        DatabaseUnavailable, match=rf"do usuário {owner}\. Rode como ele: sudo -u '#{owner}' disparo"
    ):
        database(tmp_path).__enter__()


def test_a_service_whose_folder_was_copied_in_by_root_is_told_to_have_it_given_to_its_user(
    tmp_path, monkeypatch
):
    stranger = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: stranger)
    remedy = rf"este serviço roda como (\w+): não inicia\. Corrija o dono: sudo chown -R \1: {tmp_path}\."
    with pytest.raises(DatabaseUnavailable, match=remedy):
        refuse_on_anothers(tmp_path, as_service=True)
