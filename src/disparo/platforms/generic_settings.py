"""What an administrator writes to connect a platform by configuration alone."""

from __future__ import annotations

import os
import re
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind

PLACEHOLDER = re.compile(r"\{(telefone|texto|referencia|retorno|(?:segredo|valor):[A-Za-z0-9_]+)\}")
#: `{basico:USER:PASSWORD}`, both names of secrets: what HTTP's Basic authentication wants.
BASIC = re.compile(r"\{basico:([A-Za-z0-9_]+):([A-Za-z0-9_]+)\}")
_Outcome = Literal[OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN, OutcomeKind.AMBIGUOUS]
_Words = str | list[str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """Holds when everything that is given holds; paths are `data.id` or `items[0].id`."""

    status: list[int] | None = None
    path: str | None = None
    equals: _Words | None = None
    regex: str | None = None

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"expressão regular inválida: {error}") from error
        return value


class ErrorRule(Condition):
    """What an answer that meets the condition means."""

    outcome: _Outcome
    failure: FailureClass = FailureClass.UNKNOWN
    retry_after_s: float | None = None


class ReceiptRules(_Strict):
    """How to read a call of the platform to our webhook, and how to know that it is the platform's."""

    items: str | None = None  # path of the list, where one call brings several
    id: str | None = None
    reference: str | None = None
    status: _Words  # of several paths the first that leads somewhere
    code: _Words | None = None
    carrier: str | None = None
    statuses: dict[str, ReceiptKind]
    failures: dict[str, FailureClass] = {}  # by code, else by status
    header: str | None = None  # a header that must hold `token`
    token_path: str | None = None  # or a field of the call that must hold it
    token: SecretStr | None = None  # itself, or `{segredo:NOME}`
    hmac_header: str | None = None  # hexadecimal HMAC-SHA256 of the raw body
    hmac_timestamp_header: str | None = None  # ... and of this header's seconds after it
    hmac_key: SecretStr | None = None
    reply: str = "OK"

    @model_validator(mode="after")
    def _whole(self) -> ReceiptRules:
        if (self.token is None) != (self.header is None and self.token_path is None):
            raise ValueError("receipts: token precisa de header ou token_path, e o contrário")
        if (self.hmac_header is None) != (self.hmac_key is None):
            raise ValueError("receipts: hmac_header e hmac_key vão juntos")
        return self


def plain_address(url: str) -> str:
    """Check an address: http or https, no placeholder, no password; raises ValueError in words."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("o endereço deve começar com http:// ou https:// e ter um servidor")
    if PLACEHOLDER.search(url):
        raise ValueError("marcadores são permitidos só em query, form, json e headers, nunca no endereço")
    if parts.username or parts.password:
        raise ValueError("não ponha senha no endereço; use headers com {segredo:NOME}")
    return url


class AskRules(_Strict):
    """How to ask what became of a message: a GET with our reference, its answer read as a receipt is."""

    url: str
    query: dict[str, str]
    answer: ReceiptRules

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        return plain_address(url)


class SegmentRules(_Strict):
    """How the platform counts and cuts, in characters: GSM-7 and UCS-2, alone and in parts."""

    single: int = 160
    part: int = 153
    ucs2_single: int = 70
    ucs2_part: int = 67
    max_parts: int = 10
    cuts_at_spaces: bool = False


class GenericHttpSettings(_Strict):
    """One platform table of the settings file, `type = "generic_http"`."""

    type: Literal["generic_http", "simulator"] = "generic_http"
    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str
    headers: dict[str, str] = {}
    json_body: Annotated[dict[str, Any] | list[Any] | None, Field(alias="json")] = None
    form: dict[str, str] | None = None
    query: dict[str, str] | None = None
    number_format: Literal["e164", "e164_digits", "national"] = "e164_digits"
    values: dict[str, str] = {}
    secrets: dict[str, SecretStr] = {}
    success: Condition = Condition(status=[200, 201, 202])
    id_path: str | None = None
    id_regex: str | None = None
    code_path: str | None = None
    errors: list[ErrorRule] = []
    receipts: ReceiptRules | None = None
    ask: AskRules | None = None
    webhook_secret: SecretStr | None = None
    segments: SegmentRules = SegmentRules()
    per_second: Annotated[float | None, Field(gt=0)] = None
    per_day: Annotated[int | None, Field(ge=1)] = None
    window: Annotated[int | None, Field(ge=1, le=50)] = None  # of all workers together
    order: int | None = None  # lower first; without it, as they stand in the file
    weight: Annotated[int, Field(ge=0)] = 1  # 0: not used for new messages
    hours: str | None = None  # "08:00-20:00", in the installation's zone
    ddds: list[Annotated[int, Field(ge=11, le=99)]] = []  # none: all
    cost_per_segment: Annotated[Decimal | None, Field(ge=0)] = None
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    tries_are_safe_s: int = 0

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        return plain_address(url)

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or _has_control(value):
                raise ValueError(f"o cabeçalho {name!r} tem caracteres que não são permitidos")
        return headers

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        if hours is not None:
            read_hours(hours)
        return hours

    @field_validator("secrets")
    @classmethod
    def _fetch(cls, secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return {
            name: SecretStr(_fetch_secret(name, value.get_secret_value())) for name, value in secrets.items()
        }

    @model_validator(mode="after")
    def _secrets_exist(self) -> GenericHttpSettings:
        used = repr((self.headers, self.json_body, self.form, self.query))
        named = {("segredo", name) for pair in BASIC.findall(used) for name in pair}
        named |= set(re.findall(r"\{(segredo|valor):([A-Za-z0-9_]+)\}", used))
        if self.receipts is not None and self.receipts.token is not None:
            named |= set(re.findall(r"\{(segredo):([A-Za-z0-9_]+)\}", self.receipts.token.get_secret_value()))
        for kind, name in sorted(named):
            if name not in (self.secrets if kind == "segredo" else self.values):
                where = "secrets" if kind == "segredo" else "values"
                raise ValueError(f"o {kind} {name} é usado mas não está em {where}")
        if self.json_body is not None and self.form is not None:
            raise ValueError("use json ou form, não os dois")
        return self._with_receipt_token()

    def _with_receipt_token(self) -> GenericHttpSettings:
        """Put the secret in the place of a token that only names it."""
        token = self.receipts.token.get_secret_value() if self.receipts and self.receipts.token else ""
        named = re.fullmatch(r"\{segredo:([A-Za-z0-9_]+)\}", token)
        if named is None or self.receipts is None:
            return self
        receipts = self.receipts.model_copy(update={"token": self.secrets[named[1]]})
        return self.model_copy(update={"receipts": receipts})


def read_hours(text: str) -> tuple[time, time]:
    """Read "08:00-20:00"; raises ValueError in words."""
    begin, _, end = text.partition("-")
    try:
        hours = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError('o horário se escreve assim: "08:00-20:00"') from error
    if hours[0] >= hours[1]:
        raise ValueError("o horário deve começar antes de terminar, no mesmo dia")
    return hours


def _has_control(value: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in value)  # noqa: PLR2004 - ASCII control characters


def _fetch_secret(name: str, value: str) -> str:
    """Take `env:VAR` from the environment, `file:/path` from a file; anything else is the secret itself."""
    kind, _, rest = value.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise ValueError(f"o segredo {name} aponta para a variável {rest}, que não existe")
        return os.environ[rest]
    if kind == "file":
        try:
            return Path(rest).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"o segredo {name} não pôde ser lido de {rest}: {error.strerror}") from error
    return value
