"""What an administrator writes to connect a platform by configuration alone."""

# ruff: noqa: RUF012 - pydantic copies what stands as a default

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from disparo.domain.outcome import SaidByPlatform
from disparo.platforms.generic_rules import (
    AskRules,
    BalanceRules,
    BatchRules,
    Condition,
    ErrorRule,
    HealthRules,
    HttpSegmentRules,
    InboundRules,
    PollRules,
    ReceiptRules,
    Xml,
    compiles,
    one_or_more,
)
from disparo.platforms.placeholders import (
    ITEMS,
    JSON_MARKS,
    NULL,
    OF_MESSAGE,
    OF_QUESTION,
    Secrets,
    check_placeholders,
    fetch_secret,
    names_used,
    plain_address,
    secret_named,
    shown,
    shown_address,
    without,
)
from disparo.platforms.table import Endpoint, PlatformTable
from disparo.platforms.xml_text import check_items, check_xml


class GenericHttpSettings(PlatformTable):
    """One platform table of the settings file, `type = "generic_http"`."""

    type: Literal["generic_http", "simulator"] = "generic_http"
    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str
    headers: dict[str, str] = {}
    json_body: Annotated[dict[str, Any] | list[Any] | Literal["{itens}"] | None, Field(alias="json")] = None
    form: dict[str, str] | None = None
    xml: Xml | None = None
    query: dict[str, str] | None = None
    charset: Literal["utf-8", "iso-8859-1"] = "utf-8"  # of form, query and xml
    batch: BatchRules | None = None
    number_format: Literal["e164", "e164_digits", "national"] = "e164_digits"
    values: dict[str, str] = {}
    secrets: dict[str, SecretStr] = {}
    #: Of several, any.
    success: Annotated[list[Condition], BeforeValidator(one_or_more)] = [Condition(status=[200, 201, 202])]
    id_path: str | None = None
    id_regex: str | None = None
    code_path: str | list[str] | None = None
    code_regex: str | None = None
    errors: list[ErrorRule] = []
    codes: dict[str, SaidByPlatform] = {}  # by the code found; a shorter way to say `errors`
    receipts: ReceiptRules | None = None
    inbound: InboundRules | None = None
    ask: AskRules | None = None
    poll: PollRules | None = None
    balance: BalanceRules | None = None
    health: HealthRules | None = None
    segments: HttpSegmentRules = HttpSegmentRules()
    webhook_secret: Secrets = []  # the newest first: the one told to the platform
    sources: list[str] = []  # networks that calls to our webhook may come from; none: all
    tries_are_safe_s: int = 0

    @property
    def where(self) -> str:
        """Give the call by which it takes messages."""
        return f"{self.method} {shown_address(self.url)}"

    @property
    def endpoint(self) -> Endpoint:
        """Give the host and port of its address."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        context = ssl.create_default_context() if secure else None
        return Endpoint(parts.hostname or "", parts.port or (443 if secure else 80), context)

    @property
    def is_told_by_id(self) -> bool:
        """Whether nothing but the id tells a yes from a no: many answer 200 to what they refuse."""
        return "success" not in self.model_fields_set and (self.id_path or self.id_regex) is not None

    @property
    def brought_by_webhook(self) -> str | None:
        """Receipts, or only what customers answer: as its tables say."""
        if self.receipts is not None:
            return "confirmações"
        return "respostas" if self.inbound is not None else None

    @property
    def webhook_secrets(self) -> Sequence[str]:
        """The secrets that open our webhook, the newest first."""
        return [secret.get_secret_value() for secret in self.webhook_secret]

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        return plain_address(url)

    @field_validator("id_regex", "code_regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return compiles(value)

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or _has_control(value):
                raise ValueError(f"o cabeçalho {name!r} tem caracteres que não são permitidos")
        return headers

    @field_validator("sources")
    @classmethod
    def _are_networks(cls, sources: list[str]) -> list[str]:
        for source in sources:
            try:
                ip_network(source)
            except ValueError as error:
                raise ValueError(
                    f"não é um endereço nem uma rede: {source} (exemplo: 10.0.0.0/24)"
                ) from error
        return sources

    @field_validator("secrets")
    @classmethod
    def _fetch(cls, secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return {
            name: SecretStr(fetch_secret(value.get_secret_value(), name)) for name, value in secrets.items()
        }

    @model_validator(mode="after")
    def _is_whole(self) -> GenericHttpSettings:
        for kind, name in sorted(self._names_used()):
            if name not in (self.secrets if kind == "segredo" else self.values):
                where = "secrets" if kind == "segredo" else "values"
                raise ValueError(f"o {kind} {shown(name)} é usado mas não está em {where}")
        if sum(each is not None for each in (self.json_body, self.form, self.xml)) > 1:
            raise ValueError("use json ou form ou xml, só um deles")
        if (self.batch is not None) != (ITEMS in repr((self.json_body, self.xml))):
            raise ValueError(f"batch precisa de {ITEMS} em json ou xml, e o contrário")
        self._check_placeholders()
        self._check_json()
        self._check_xml()
        return self._with_receipt_secrets()

    def _check_json(self) -> None:
        """Refuse what TOML can say and JSON cannot: no hand-over could be written."""
        asked = filter(None, (self.ask, self.poll, self.balance, self.health))
        try:
            json.dumps(
                [self.json_body, self.batch and self.batch.item, *(each.json_body for each in asked)],
                allow_nan=False,
            )
        except (TypeError, ValueError):
            raise ValueError("em json, datas e horas vão entre aspas, e nan e inf não existem") from None

    def _check_xml(self) -> None:
        asked = [each.xml for each in (self.ask, self.poll, self.balance, self.health) if each]
        item = self.batch.item if self.batch else None
        if self.batch is not None and isinstance(item, str) != (self.xml is not None):
            raise ValueError("batch.item é uma tabela em json, e um texto em xml")
        for text in (self.xml, *asked):
            if text is not None:
                check_xml(text, self.charset)
        if self.xml is not None and isinstance(item, str):
            check_items(self.xml, item)
            check_xml(item, self.charset)

    def _check_placeholders(self) -> None:
        in_json = self.json_body, self.batch.item if self.batch else None
        for each in (self.query, self.form, self.xml, *(without(tree, JSON_MARKS) for tree in in_json)):
            check_placeholders(repr(each).replace(ITEMS, ""), OF_MESSAGE)
        check_placeholders(repr(self.headers), OF_MESSAGE | OF_QUESTION)
        for asked in filter(None, (self.ask, self.poll, self.balance, self.health)):
            in_body = without(asked.json_body, NULL), asked.form, asked.xml
            check_placeholders(repr((asked.path, asked.query, *in_body)), OF_QUESTION)

    def _names_used(self) -> set[tuple[str, str]]:
        asked = (self.ask, self.poll, self.balance, self.health, self.batch)
        used = names_used(repr((self.headers, self.json_body, self.form, self.xml, self.query, asked)))
        rules = self.receipts
        named = (secret_named(rules.token), secret_named(rules.hmac_key)) if rules else ()
        return used | {("segredo", name) for name in named if name}

    def _with_receipt_secrets(self) -> GenericHttpSettings:
        """Put secrets in the place of what only names them."""
        if self.receipts is None:
            return self
        named = {"token": secret_named(self.receipts.token), "hmac_key": secret_named(self.receipts.hmac_key)}
        update = {key: self.secrets[name] for key, name in named.items() if name}
        return self.model_copy(update={"receipts": self.receipts.model_copy(update=update)})


def _has_control(value: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in value)  # noqa: PLR2004 - ASCII control characters
