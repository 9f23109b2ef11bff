"""The ways out and in: our own server, each platform (connection only, no send), the receipts' address."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from disparo.cli.examine.clock import judge_clock
from disparo.cli.examine.finding import Finding, note, ok, wrong
from disparo.cli.launch import UNVERIFIED, local_url
from disparo.errors import in_words
from disparo.platforms.clock import read_date
from disparo.platforms.http import is_forbidden
from disparo.platforms.registry import read_table, receipt_url
from disparo.platforms.table import PlatformTable
from disparo.settings import Settings
from disparo.wording.words import several

_PATIENCE_S = 5.0
_OK, _NOT_READY = 200, 503
#: A thousand guesses a second, and more can be made, find one of six letters in days.
_SHORTEST_SECRET = 16
#: In those of our own pages, which everybody knows.
_FROM_THE_PAGES = re.compile(r"texto.longo.e.aleat", re.IGNORECASE)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: platforms do not follow them either."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow none."""


async def examine_network(settings: Settings) -> list[Finding]:
    """Look at everything that answers over the network, all at once."""
    tables = {name: read_table(name, table) for name, table in settings.platforms.items()}
    looks = [
        asyncio.to_thread(_server, settings),
        *(_platform(name, table) for name, table in tables.items()),
        *(asyncio.to_thread(_webhook, name, table, settings) for name, table in tables.items()),
    ]
    if settings.clock_url is not None:
        looks.append(asyncio.to_thread(_clock, settings.clock_url))
    found = [finding for finding in await asyncio.gather(*looks) if finding is not None]
    return [*found, *_guessable(tables, settings)]


def _guessable(tables: Mapping[str, PlatformTable], settings: Settings) -> list[Finding]:
    """Look for secrets in addresses or headers that whoever tries long enough finds out."""
    token = settings.metrics_token
    given = [("metrics_token", token.get_secret_value())] if token else []
    for name, table in tables.items():
        if table.type != "simulator":
            given += [(f"webhook_secret de {name}", secret) for secret in table.webhook_secrets]
    found = []
    for subject, secret in given:
        remedy = "Troque-o por um longo e aleatório, por exemplo o que este comando dá: openssl rand -hex 24."
        if subject.startswith("webhook"):
            remedy += ' Os dois valem enquanto se troca: webhook_secret = ["novo", "velho"].'
        if _FROM_THE_PAGES.search(secret):
            found.append(wrong(subject, "é o exemplo da documentação, que todos conhecem", remedy))
        elif len(secret) < _SHORTEST_SECRET:
            text = f"tem só {several(len(secret), 'sinal', 'sinais')}: quem tentar bastante o adivinha"
            found.append(note(subject, text, remedy))
    return found


def switches(settings: Settings) -> Finding:
    """Say whether anything real can be sent."""
    subject = "envio real"
    if not settings.platforms:
        remedy = "disparo plataforma presets mostra as que já vêm prontas."
        return note(subject, "nenhuma plataforma configurada", remedy)
    if settings.real_sending:
        return ok(subject, "ligado: os SMS chegam aos clientes")
    if all(table.get("type") == "simulator" for table in settings.platforms.values()):
        return note(subject, "desligado, e só há plataforma simulada", "Configure uma plataforma de verdade.")
    text = f"desligado: só {len(settings.test_numbers)} número(s) de teste recebe(m)"
    return note(subject, text, "Depois de testar: real_sending = true no disparo.toml; vale em segundos.")


def _server(settings: Settings) -> Finding:
    has_tls = settings.tls_certificate is not None
    first, other = (local_url(settings.host, settings.port, has_tls=tls) for tls in (has_tls, not has_tls))
    for address in (first, other):  # `--tls-self-signed` and its like are told to the server alone
        status, _ = _get(f"{address}/saude", verify=False)
        if status == _OK:
            return ok("servidor", f"pronto em {address}")
        if status == _NOT_READY:
            curl = "curl -k" if address.startswith("https") else "curl"
            remedy = f"{curl} {address}/saude diz o que falta."
            return note("servidor", f"vivo em {address}, ainda não pronto", remedy)
    remedy = (
        "sudo systemctl start disparo; o motivo de não iniciar: journalctl --namespace=disparo. "
        "Se foi iniciado com --porta N: DISPARO_PORT=N disparo doctor."
    )
    return wrong("servidor", f"não responde em {first}", remedy)


async def _platform(name: str, table: PlatformTable) -> Finding:
    at = table.endpoint
    subject, where = f"plataforma {name}", f"{at.host}:{at.port}"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            if await _is_forbidden(at.host, at.port):
                remedy = f"Ponha o endereço da plataforma em [platforms.{name}]."
                return wrong(subject, f"{at.host} é um endereço reservado: o Disparo não o chama", remedy)
            _, writer = await asyncio.open_connection(at.host, at.port, ssl=at.context)
    except ssl.SSLError as error:
        said = getattr(error, "verify_message", "") or error.reason or "TLS"
        remedy = "Confira o endereço e os certificados da máquina (sudo apt install ca-certificates)."
        return wrong(subject, f"{where} atende, mas o TLS falha: {said}", remedy)
    except (OSError, TimeoutError) as error:
        remedy = (
            "Confira o endereço, DNS, firewall e proxy desta máquina; nada se perde, as mensagens esperam."
        )
        return wrong(subject, f"sem conexão com {where} ({in_words(error)})", remedy)
    writer.close()
    return ok(subject, f"{where} atende{' com TLS' if at.context else ''} (nada foi enviado)")


async def _is_forbidden(host: str, port: int) -> bool:
    """Tell whether all that a name stands for are addresses that no platform may have."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return all(is_forbidden(str(address[0])) for *_, address in found)


def _webhook(name: str, table: PlatformTable, settings: Settings) -> Finding | None:
    if table.brought_by_webhook is None:
        return None
    subject = f"{table.brought_by_webhook} de {name}"
    if not table.webhook_secrets:
        remedy = f'Ponha webhook_secret = "um texto longo e aleatório" em [platforms.{name}].'
        return note(subject, "sem endereço: webhook_secret não está definido", remedy)
    url = receipt_url(name, table, settings.public_url)
    if url is None:
        remedy = "Defina public_url, o endereço https pelo qual as plataformas chegam até aqui."
        return note(subject, "sem endereço: public_url não está definido", remedy)
    shown = url.rpartition("/")[0] + "/***"
    status, said = _get(url)
    if status != _OK:
        remedy = "Confira o DNS, o proxy (deploy/nginx) e o certificado; teste também de fora da sua rede."
        return wrong(subject, f"{shown} não chega até aqui ({said})", remedy)
    if url.startswith("http://") and table.type != "simulator":
        return note(subject, f"{shown} chega, sem TLS", "Use https em public_url: veja deploy/nginx.")
    return ok(subject, f"{shown} chega até aqui (visto desta máquina)")


def _clock(url: str) -> Finding:
    before = time.time()
    status, said, headers = _ask(url, verify=True)
    theirs = read_date(headers.get("Date", "")) if headers is not None else None
    if theirs is None:
        return note("relógio", f"{url} não disse as horas ({said or status})", "Escolha outro em clock_url.")
    # The header has whole seconds: half of one on average.
    return judge_clock(f"de {urlsplit(url).hostname}", theirs + 0.5 - (before + time.time()) / 2)


def _get(url: str, *, verify: bool = True) -> tuple[int, str]:
    status, said, _ = _ask(url, verify=verify)
    return status, said


def _ask(url: str, *, verify: bool) -> tuple[int, str, Message | None]:
    """GET without a body; (0, why, None) where nobody answers."""
    context = ssl.create_default_context() if verify else UNVERIFIED
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=_PATIENCE_S) as answer:
            return answer.status, f"HTTP {answer.status}", answer.headers
    except urllib.error.HTTPError as error:
        return error.code, f"HTTP {error.code}", error.headers
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return 0, in_words(reason) if isinstance(reason, BaseException) else str(reason), None
