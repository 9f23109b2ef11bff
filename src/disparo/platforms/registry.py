"""From the settings' platform tables to platforms, each behind the guard."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from disparo.domain.routing import Route
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Platform
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.guard import Guarded
from disparo.platforms.presets import fill, presets
from disparo.platforms.smpp.platform import Smpp
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.table import PlatformTable, read_hours
from disparo.settings import Settings
from disparo.wrong_values import words_of

#: The tables there are; a preset is a filled one of the first.
AnyTable = GenericHttpSettings | SmppSettings

_WITHOUT_PRESET = ("generic_http", "smpp", "simulator")
#: How our own simulator is spoken to: what a person would write for `generic_http`.
SIMULATOR: Mapping[str, Any] = {
    "json": {"to": "{telefone}", "text": "{texto}", "reference": "{referencia}", "callback": "{retorno}"},
    "number_format": "e164",
    "id_path": "id",
    "code_path": "code",
    "success": {"status": [200], "path": "id"},
    "errors": [
        {
            "status": [400],
            "path": "code",
            "equals": "invalid_number",
            "outcome": "refused",
            "failure": "number",
        },
        {"status": [400], "path": "code", "equals": "opted_out", "outcome": "refused", "failure": "opt_out"},
        {"status": [400], "path": "code", "equals": "content", "outcome": "refused", "failure": "content"},
    ],
    "receipts": {
        "id": "id",
        "reference": "reference",
        "status": "status",
        "code": "code",
        "carrier": "carrier",
        "statuses": {"sent": "sent", "delivered": "delivered", "undelivered": "undelivered"},
        "failures": {"invalid_number": "number", "opted_out": "opt_out", "expired": "expired"},
    },
}


def build_platforms(
    tables: Mapping[str, Mapping[str, Any]],
    *,
    real_sending: bool,
    test_numbers: frozenset[str],
    public_url: str | None,
) -> dict[str, Platform]:
    """Build every platform of the settings, in their order; raises SettingsInvalid naming the wrong one."""
    built: dict[str, Platform] = {}
    for name, table in tables.items():
        settings = read_table(name, table)
        platform = build_platform(name, settings, public_url=public_url)
        is_simulator = settings.type == "simulator"
        built[name] = (
            platform if is_simulator or real_sending else Guarded(platform, test_numbers=test_numbers)
        )
    return built


def build_platform(name: str, table: AnyTable, *, public_url: str | None) -> GenericHttp | Smpp:
    """Build one platform, without the guard."""
    if isinstance(table, SmppSettings):
        return Smpp(name, table)
    return GenericHttp(name, table, receipt_url=receipt_url(name, table, public_url))


def build_routes(tables: Mapping[str, Mapping[str, Any]]) -> list[Route]:
    """Give how each platform of the settings is used; raises SettingsInvalid naming the wrong one."""
    routes = []
    for place, (name, table) in enumerate(tables.items()):
        settings = read_table(name, table)
        routes.append(
            Route(
                name,
                order=place if settings.order is None else settings.order,
                weight=settings.weight,
                hours=None if settings.hours is None else read_hours(settings.hours),
                ddds=frozenset(map(str, settings.ddds)),
            )
        )
    return routes


def cost_per_segment(name: str, table: Mapping[str, Any]) -> Decimal | None:
    """Give a segment's price in reais, None where a platform's table has none; raises SettingsInvalid."""
    return read_table(name, table).cost_per_segment


def check_tables(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise SettingsInvalid for the first table that is wrong, without opening anything."""
    for name, table in tables.items():
        read_table(name, table)


def read_table(name: str, table: Mapping[str, Any]) -> AnyTable:
    """Check one platform's table; raises SettingsInvalid saying what is wrong."""
    if not name or "/" in name:
        raise SettingsInvalid(f"Plataforma {name}: o nome vai em endereços e não pode ser vazio nem ter /.")
    kind = table.get("type", "generic_http")
    if kind not in (*_WITHOUT_PRESET, *presets()):
        known = ", ".join((*_WITHOUT_PRESET, *presets()))
        raise SettingsInvalid(f"Plataforma {name}: o tipo {kind!r} não existe. Existem: {known}.")
    filled = fill(kind, table) if kind in presets() else dict(table)
    if kind == "simulator":
        url = str(table.get("url", ""))
        _check_is_here(name, url)
        base = url.rstrip("/") + "/v1"
        ask = {
            "url": f"{base}/message",
            "query": {"reference": "{referencia}"},
            "answer": SIMULATOR["receipts"],
        }
        filled = {**SIMULATOR, "ask": ask, **table, "url": f"{base}/messages"}
    try:
        read = (
            SmppSettings.model_validate(filled)
            if kind == "smpp"
            else GenericHttpSettings.model_validate(filled)
        )
    except ValidationError as error:
        raise SettingsInvalid(f"Plataforma {name}: {words_of(error)}{_below(error)}") from None
    if kind == "kannel":
        _check_is_plain(name, read)
    return read


def _below(error: ValidationError) -> str:
    """Say of a general setting that what stands below a table's name belongs to the table."""
    unknown = {str(item["loc"][-1]) for item in error.errors() if item["type"] == "extra_forbidden"}
    ours = Settings.model_fields.keys() - {"host", "port"}  # of these a platform's own are meant
    misplaced = sorted(unknown & ours)
    if not misplaced:
        return ""
    return f" (o que não é da plataforma vai acima da primeira linha [platforms...]: {', '.join(misplaced)})"


def receipt_url(name: str, settings: PlatformTable, public_url: str | None) -> str | None:
    """Give the address for a platform's receipts; None without a public address of ours or a secret."""
    if public_url is None or not settings.webhook_secrets:
        return None
    place = "/".join(quote(part, safe="") for part in (name, settings.webhook_secrets[0]))
    return f"{public_url.rstrip('/')}/webhook/{place}"


def _check_is_plain(name: str, table: PlatformTable) -> None:
    """Kannel reads its own codes (%A, %C) into the %C3%A3 of an address: no receipt would come."""
    if table.webhook_secrets and not "".join((name, *table.webhook_secrets)).isascii():
        raise SettingsInvalid(
            f"Plataforma {name}: com o Kannel o nome da plataforma e o webhook_secret não podem ter acentos."
        )


def _check_is_here(name: str, url: str) -> None:
    """A simulator is on this machine: under its name no message may reach a real platform."""
    host = urlsplit(url).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    if not here:
        raise SettingsInvalid(f"Plataforma {name}: o simulador precisa estar em 127.0.0.1, não em {host!r}.")
