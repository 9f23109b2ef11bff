"""`disparo demo`: the main job once, for real, in a folder of its own that is gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from disparo.cli.banner import SEED_BODY
from disparo.cli.credentials import Credentials, make_both
from disparo.cli.launch import UNVERIFIED, Plan, free_port, launched, open_database
from disparo.db.pool import connected
from disparo.dispatch.prepare import prepare
from disparo.errors import DisparoError
from disparo.log import configure_logging
from disparo.settings import load_settings
from disparo.sources.demo_data import add_demo_data

_USER = "demo@example.com"
_PATIENCE_S = 60.0
_SEND = "/api/v1/integracao/cliente/financeiro/enviar_sms"


def demo() -> None:
    """Faz uma chamada de verdade a enviar_sms, espera a entrega e mostra pedido, resposta e SMS."""
    configure_logging(level="ERROR")
    for name in [name for name in os.environ if name.startswith("DISPARO_")]:
        del os.environ[name]  # a demonstration never touches the installation that is set here
    folder = Path(tempfile.mkdtemp(prefix="disparo-demo-"))
    folder.chmod(0o711)  # as root the database runs as another user, who has to pass through
    try:
        no_settings = folder / "vazio.toml"  # in the place of the machine's: that one may name real platforms
        no_settings.touch()
        os.environ["DISPARO_CONFIG"] = str(no_settings)
        settings = load_settings()
        dsn, server = open_database(settings, folder)
        try:
            port = free_port()
            simulator_port = free_port(preferred=port + 1)
            plan = Plan(settings, folder, port, 1, (), simulator_port, delay_s=0, log_level="ERROR")
            asyncio.run(_demo(plan, dsn))
        finally:
            if server is not None:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _demo(plan: Plan, dsn: str) -> None:
    await prepare(dsn)
    async with connected(dsn) as connection:
        async with connection.transaction():
            await add_demo_data(connection)
            credentials = await make_both(connection, _USER, "demo")
        async with launched(plan, dsn):
            await asyncio.to_thread(_show, plan, credentials)


def _show(plan: Plan, credentials: Credentials) -> None:
    token = _call(
        plan.base_url + "/oauth/token",
        body={
            "grant_type": "password",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "username": credentials.username,
            "password": credentials.password,
        },
    )["access_token"]
    print(f"Pedido:\n  POST {_SEND}\n  {SEED_BODY}\n")
    reply = _call(plan.base_url + _SEND, token=token, body=json.loads(SEED_BODY))
    print("Resposta (200):")
    print(json.dumps(reply, ensure_ascii=False, indent=2))
    messages = _delivered(plan.base_url + reply["disparo"]["consulta"], token)
    print("\nSMS que chegaram na plataforma simulada:")
    for sms in reversed(_call(f"{plan.simulator_url}/v1/messages")["messages"]):
        print(f"  {sms['to']}  {sms['text']}")
    print(f"\nEntregues ao aparelho: {len(messages)} de {len(reply['job']['telefones'])}.")


def _delivered(url: str, token: str) -> list[dict[str, Any]]:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        messages: list[dict[str, Any]] = _call(url, token=token)["disparo"]["mensagens"]
        if all(message["situacao"] == "entregue" for message in messages):
            return messages
        time.sleep(0.1)  # between two looks
    states = ", ".join(sorted({message["situacao"] for message in messages}))
    raise DisparoError(f"As mensagens não foram entregues em {_PATIENCE_S:.0f} s (situação: {states}).")


def _call(url: str, *, token: str | None = None, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=30, context=UNVERIFIED) as answer:  # noqa: S310 - our own address
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except urllib.error.HTTPError as error:
        raise DisparoError(f"{url} respondeu {error.code}: {error.read().decode()[:300]}") from error
