"""Whoever is at the panel takes a password that nobody else has seen, and ends what was left open elsewhere."""

from __future__ import annotations

import re

import pytest
from tests.support.house import PASSWORD
from tests.support.visitor import Visitor, text

NEW = " outra senha, só minha "
_PATH = "/painel/senha"


@pytest.fixture
def account(house):
    house.fetch("DELETE FROM rate_limits")
    return house.account(permissions=())


def signed_in(house, account):
    person = Visitor(house)
    assert person.sign_in(account["username"]).status == 303
    person.get("/painel")
    return person


def change(person, old=PASSWORD, new=NEW, again=NEW, **headers):
    return person.post(_PATH, senha_atual=old, senha_nova=new, senha_repetida=again, headers=headers)


def test_another_password_ends_what_is_open_elsewhere_and_nothing_here(house, account):
    elsewhere, person = signed_in(house, account), signed_in(house, account)
    before = dict(person.cookies)
    assert 'href="/painel/senha"' in person.get("/painel").raw.decode()
    assert person.get(_PATH).status == 200
    answer = change(person)
    assert (answer.status, answer.headers["location"]) == (303, "/painel")
    assert person.cookies["painel"] != before["painel"]
    assert "Senha trocada." in text(person.get("/painel"))
    assert elsewhere.get("/painel").status == 303
    elsewhere.cookies = before
    assert elsewhere.get("/painel").status == 303
    assert Visitor(house).sign_in(account["username"]).status == 422
    assert Visitor(house).sign_in(account["username"], NEW).status == 303
    told = house.fetch("SELECT actor, detail FROM audit_log WHERE action = 'password_changed'")
    user_id = house.value("SELECT id FROM users WHERE email = $1", account["username"])
    assert (f"user:{user_id}", f'{{"user": {user_id}}}') in [tuple(row) for row in told]


def test_it_is_told_that_tokens_live_on(house, account):
    person = signed_in(house, account)
    assert house.anonymous.post("/oauth/token", account).status == 200
    change(person)
    assert "Os tokens da API já emitidos com o seu usuário continuam valendo" in text(person.get("/painel"))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"old": "errada"}, "A senha atual não confere."),
        ({"old": ""}, "A senha atual não confere."),
        ({"again": "x"}, "As duas senhas novas não são iguais."),
        ({"new": "curta", "again": "curta"}, "deve ter de 8 a 200 caracteres"),
        ({"new": "x" * 201, "again": "x" * 201}, "deve ter de 8 a 200 caracteres"),
        ({"new": PASSWORD, "again": PASSWORD}, "é igual à atual"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(house, account, typed, says):
    person = signed_in(house, account)
    answer = change(person, **typed)
    assert answer.status == 422
    assert says in text(answer)
    assert "Nada foi alterado." in text(answer)
    assert not re.search(r'type="password"[^>]*value=', answer.raw.decode())
    assert person.get("/painel").status == 200
    assert Visitor(house).sign_in(account["username"]).status == 303


def test_without_a_session_nobody_changes_anything(house, account):
    assert Visitor(house).get(_PATH).status == 303
    assert change(Visitor(house)).status == 303
    assert Visitor(house).sign_in(account["username"]).status == 303
