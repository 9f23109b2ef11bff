"""What an administrator writes to connect an SMSC, `type = "smpp"`."""

# ruff: noqa: RUF012 - pydantic copies what stands as a default

from __future__ import annotations

import re
import ssl
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from disparo.domain.outcome import ReceiptKind, SaidByPlatform
from disparo.domain.sms_text import Alphabet
from disparo.platforms.placeholders import fetch_secret
from disparo.platforms.presets import Preset
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.receipts import ReceiptIds
from disparo.platforms.smpp.statuses import name_of
from disparo.platforms.smpp.text import CODING_OF, UCS2
from disparo.platforms.table import Endpoint, PlatformTable

#: What is shown beside the ready-made platforms.
SMPP = Preset(
    "smpp",
    "SMSC de operadora ou integrador, por SMPP 3.4",
    {
        "host": "o endereço do SMSC; a porta, se não é 2775, em port",
        "system_id": "o usuário da conta",
        "password": "a senha, ou env:VARIAVEL, ou file:CAMINHO",
        "source": "o remetente combinado",
    },
    {},
)
#: Of 140 octets the header that joins parts takes 6: so many letters of GSM-7, and of UCS-2, fit beside it.
_LONGEST_PART, _LONGEST_UCS2_PART = 153, 67
_Octet = Annotated[int, Field(ge=0, le=255)]


class SmppSettings(PlatformTable):
    """One platform table of the settings file; the defaults are those that Brazilian SMSCs ask for."""

    type: Literal["smpp"] = "smpp"
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 2775
    tls: bool = True
    ca_file: str | None = None  # whom to believe, where the machine's own certificates do not say
    system_id: Annotated[str, Field(min_length=1, max_length=15)]
    password: SecretStr
    system_type: Annotated[str, Field(max_length=12)] = ""
    service_type: Annotated[str, Field(max_length=5)] = ""
    binds: Annotated[int, Field(ge=1, le=16)] = 1  # of each worker
    bind_window: Annotated[int, Field(ge=1, le=50)] = 10  # submit_sm in flight on each bind
    enquire_every_s: Annotated[float, Field(ge=1, le=600)] = 30.0
    source: Annotated[str, Field(max_length=20)] = ""
    source_ton: _Octet = 1
    source_npi: _Octet = 1
    destination_ton: _Octet = 1
    destination_npi: _Octet = 1
    number_format: Literal["e164", "e164_digits", "national"] = "e164_digits"
    alphabet: Alphabet = "gsm7"
    data_coding: _Octet | None = None  # without it, what the standard gives the alphabet
    long_texts: Literal["parts", "payload"] = "parts"
    validity: Annotated[str, Field(pattern=r"^(|[0-9]{15}R|[0-9]{15}[+-])$")] = ""  # as SMPP writes it
    receipt_ids: ReceiptIds = "same"
    receipt_zone: str = "UTC"
    receipts_as_texts: bool = False  # nothing but their words tells them from what customers write
    receipt_states: dict[str, ReceiptKind] = {}
    receipt_codes: dict[str, SaidByPlatform] = {}  # by what stands at `err:`, or by the state
    codes: dict[str, SaidByPlatform] = {}  # by ESME_NAME, or by number: 0x00000400

    @property
    def where(self) -> str:
        """Where it is, in a line's length."""
        return f"{self.host}:{self.port}{' com TLS' if self.tls else ''}"

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return Endpoint(self.host, self.port, self.context())

    @property
    def coding(self) -> int:
        """The data_coding of a text in the alphabet."""
        return CODING_OF[self.alphabet] if self.data_coding is None else self.data_coding

    @property
    def zone(self) -> ZoneInfo:
        """Of the times in receipts."""
        return ZoneInfo(self.receipt_zone)

    def context(self) -> ssl.SSLContext | None:
        """Give whom to believe; None without TLS. Raises OSError where the file cannot be read."""
        return ssl.create_default_context(cafile=self.ca_file) if self.tls else None

    @field_validator("password")
    @classmethod
    def _fetch(cls, password: SecretStr) -> SecretStr:
        given = password.get_secret_value()
        return SecretStr(fetch_secret(given, "password")) if given else password  # SMPP has binds without one

    @field_validator("receipt_zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(f"não é um fuso horário: {zone}") from error
        return zone

    @field_validator("receipt_states", "receipt_codes")
    @classmethod
    def _in_capitals(cls, words: dict[str, Any]) -> dict[str, Any]:
        return {word.upper(): found for word, found in words.items()}

    @field_validator("codes")
    @classmethod
    def _as_named(cls, codes: dict[str, SaidByPlatform]) -> dict[str, SaidByPlatform]:
        named = {}
        for code, failure in codes.items():
            if code.lower().startswith("0x"):
                if not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}", code):
                    raise ValueError(f"não é um código: {code} (exemplos: 0x00000400, ESME_RINVDSTADR)")
                named[name_of(int(code, 16))] = failure
            else:
                named[code] = failure
        return named

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            pdu.write_bind(
                system_id=self.system_id,
                password=self.password.get_secret_value(),
                system_type=self.system_type,
            )
            pdu.write_submit_head(
                pdu.Address(self.source_ton, self.source_npi, self.source), service_type=self.service_type
            )
        except ValueError:  # UnicodeEncodeError is one
            raise ValueError(
                "system_id, password (até 64), system_type, service_type e source usam só letras e números"
            ) from None
        rules = self.segments
        if self.long_texts == "parts" and (
            rules.part > _LONGEST_PART or rules.ucs2_part > _LONGEST_UCS2_PART
        ):
            raise ValueError(
                "em segments, part vai até 153 e ucs2_part até 67: o que une as partes ocupa o resto"
            )
        if self.data_coding == UCS2:
            raise ValueError("data_coding 8 é UCS-2: diz-se sozinho, quando o alfabeto não tem uma letra")
        try:
            self.context()
        except (OSError, ValueError) as error:
            raise ValueError(f"ca_file não pôde ser lido: {self.ca_file} ({type(error).__name__})") from None
        return self
