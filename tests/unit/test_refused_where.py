"""Of refused settings people far away are told where, never what: a secret may stand there."""

from __future__ import annotations

import json

import pytest

from disparo.dispatch.own_signs import refusals
from disparo.errors import SettingsInvalid
from disparo.platforms.registry import check_tables
from disparo.settings import load_settings
from disparo.settings_watch import SettingsWatch

SOUND = {"type": "generic_http", "url": "https://a.example.com/", "json": {"to": "{telefone}"}}
SECRET = "S3gredoLongo"


def said(why):
    watch = SettingsWatch(load_settings)
    watch.refused = why
    (sign,) = refusals(watch)
    return sign.detail


def refusal(table):
    with pytest.raises(SettingsInvalid) as refused:
        check_tables({"minha": table})
    return str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"headers": {"Authorization": f"Bearer {{{SECRET}}}"}}, "Plataforma minha"),
        ({"headers": {"Authorization": f"Bearer {{segredo:{SECRET}}}"}}, "Plataforma minha"),
        ({"secrets": {"chave": f"env:{SECRET}"}}, "Plataforma minha, secrets"),
        ({"headers": {f"Authorization: {SECRET}": "x"}}, "Plataforma minha, headers"),
        ({"type": SECRET}, "Plataforma minha"),
        ({"per_second": f"x{SECRET}"}, "Plataforma minha, per_second"),
        ({"url": f"https://a:{SECRET}@b.example.com/"}, "Plataforma minha, url"),
        ({"per_second": "x", "order": "y"}, "Plataforma minha, per_second; order"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(wrong, where):
    assert said(refusal({**SOUND, **wrong})) == where


def test_the_log_and_the_doctor_repeat_no_more_than_the_beginning_of_what_may_be_a_secret():
    for used, says in (
        (f"{{segredo:{SECRET}}}", "o segredo S3g… é usado"),
        (f"{{segredo:{SECRET}-}}", "o marcador {segredo:S3g…} não existe"),
        ("{segredo:chave_da_conta}", "o segredo chave_da_conta é usado"),
    ):
        why = refusal({**SOUND, "headers": {"Authorization": used}})
        assert (says in why, SECRET in why) == (True, False), why


def test_settings_files_and_faults(monkeypatch, tmp_path):
    file = tmp_path / "disparo.toml"
    monkeypatch.setenv("DISPARO_CONFIG", str(file))
    for text, where in (
        ('tries = "x"\nbrand = 1', "brand; tries"),
        (f"metrics_token = {SECRET}", "texto vai entre aspas, e sim e não são true e false"),
        ('test_numbers = ["119888877"]', "test_numbers"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsInvalid) as refused:
            load_settings()
        file.write_text("")
        assert said(str(refused.value)).endswith(where), json.dumps(str(refused.value))
    assert said("RuntimeError") == ""
    assert said("alerts: o 1º endereço não é um endereço do Apprise") == "alerts"
