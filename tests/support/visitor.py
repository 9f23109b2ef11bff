"""A person's browser without the browser: cookies, forms with their token, no script."""

from __future__ import annotations

import re
import secrets
from html import unescape
from typing import Any
from urllib.parse import urlencode

from tests.support.client import Answer, Client
from tests.support.house import PASSWORD, House

from disparo.auth.permissions import Permission
from disparo.auth.tokens import digest

PAGES = (
    "/painel",
    "/painel/hoje",
    "/painel/buscar?q=11000",
    "/painel/disparos",
    "/painel/mensagens",
    "/painel/incertas",
    "/painel/retidas",
    "/painel/plataformas",
    "/painel/respostas",
    "/painel/descadastros",
)
ADMIN_PAGES = ("/painel/modelo", "/painel/usuarios", "/painel/clientes-api", "/painel/auditoria")
EVERYTHING = tuple(each for each in Permission if each is not Permission.PASS_THROUGH)


class Visitor:
    def __init__(self, house: House) -> None:
        self.client = Client(house.stage.base)
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.client.call(method, path, body, headers={**sent, **(headers or {})})
        for cookie in filter(None, [answer.headers.get("set-cookie")]):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        found = re.search(rb'X-CSRF-Token":"([0-9a-f]{64})', answer.raw)
        if found:
            self.csrf = found[1].decode()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        form = urlencode({"csrf": self.csrf, **fields}, doseq=True)
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.call("POST", path, form, headers=sent)

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> Answer:
        self.get("/painel/entrar")
        return self.post("/painel/entrar", email=email, senha=password, **fields)


def text(answer: Answer) -> str:
    """Give what a person reads."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.raw.decode())))


def visitor(house: House, permissions: tuple[str, ...] = EVERYTHING) -> Visitor:
    """Somebody who is signed in already."""
    email, token = f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(32)
    user_id = house.value(
        "INSERT INTO users (email, name, password_hash, permissions) VALUES ($1, 'Ana', 'x', $2) RETURNING id",
        email,
        list(permissions),
    )
    house.fetch("INSERT INTO panel_sessions (token_sha256, user_id) VALUES ($1, $2)", digest(token), user_id)
    made = Visitor(house)
    made.cookies["painel"] = token
    assert made.get("/painel").status == 200
    return made
