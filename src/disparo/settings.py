"""Every setting of the installation, from the environment (`DISPARO_*`) and one TOML file.

Nothing is read at import: processes call `load_settings` once at their edge and pass values on.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from disparo.domain.local_holidays import LocalHoliday, read_local_holiday
from disparo.domain.template import check_template
from disparo.errors import OF_THE_MACHINE, SettingsInvalid, in_words
from disparo.setting_checks import HomePath, is_address, is_number, read_phone, shows
from disparo.wrong_values import words_of, words_of_file

SYSTEM_FILE = Path("/etc/disparo/disparo.toml")
#: In the environment of what `disparo run` starts: the simulated platform, for as long as there is no other.
SIMULATED = "DISPARO_SIMULATED"
#: Larger ones fit no column or no calendar: every call would fail.
_YEAR_S, _TEN_YEARS_S = 31_536_000, 315_360_000
_MOST = 1_000_000_000
_PLACES = ("data_dir", "host", "tls_certificate", "tls_key")
#: DISPARO_TIMEZON is like DISPARO_TIMEZONE; DISPARO_TWILIO_TOKEN is like no setting.
_ALIKE = 0.8


class Settings(BaseSettings):
    """Names are the keys of the file; `DISPARO_` + upper case is the environment's spelling."""

    model_config = SettingsConfigDict(env_prefix="DISPARO_", env_nested_delimiter="__", extra="forbid")

    # Where things are
    database_url: SecretStr | None = None
    data_dir: HomePath | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = None  # how platforms reach our webhooks, e.g. https://sms.provedor.com.br
    tls_certificate: HomePath | None = None
    tls_key: HomePath | None = None
    trusted_proxies: list[str] = []
    cors_origins: list[str] = ["*"]

    # Who may read /metrics: these networks, or whoever sends the token (Authorization: Bearer)
    metrics_networks: list[IPvAnyNetwork] = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    metrics_token: SecretStr | None = None

    upgrade_backup: bool = True  # copy the database before a new version changes it
    backup_max_age_days: int = Field(default=2, ge=0, le=3650)  # of the last, told of past it; 0: never
    clock_url: str | None = None  # whose Date header `disparo doctor` compares this machine's clock with

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    # What the customer reads
    brand: str = "SEU PROVEDOR"
    template: str | None = None
    # What the lookups name as the company that issued an invoice; its name is `brand` where none is given
    company_name: str | None = None
    company_document: str | None = None
    timezone: str = "America/Sao_Paulo"

    # What the contract reports and we enforce (docs/delivery.md §3)
    queue: str = "sms"
    tries: int = Field(default=1, ge=1, le=10)
    timeout_s: int = Field(default=172_800, ge=1, le=_TEN_YEARS_S)
    worker_memory_mb: int = Field(default=2048, ge=1)
    dispatch_delay_s: float = Field(default=60.0, ge=0, le=_YEAR_S, allow_inf_nan=False)

    # Accepting
    group_commit: bool = True
    most_waiting: int = Field(default=512, ge=1)  # calls in each server process; past it a quick 503
    allow_paid: bool = False
    allow_zero: bool = False
    max_extra_phones: int = Field(default=10, ge=0)
    max_extra_phones_per_day: int = Field(default=1000, ge=0, le=_MOST)
    rate_per_s: float = Field(default=20.0, ge=0, le=_MOST, allow_inf_nan=False)  # 0: off
    rate_burst: int = Field(default=200, ge=1, le=_MOST)
    token_rate_per_min: float = Field(default=30.0, ge=0, le=_MOST, allow_inf_nan=False)  # 0: off
    token_rate_burst: int = Field(default=20, ge=1, le=_MOST)
    access_token_s: int = Field(default=2_592_000, ge=1, le=_TEN_YEARS_S)
    body_limit_bytes: int = Field(default=65_536, ge=1024)
    register_body_limit_bytes: int = Field(default=4_194_304, ge=1024)  # of PUT cliente and PUT fatura
    bulk_body_limit_bytes: int = Field(default=2_097_152, ge=1024)

    # Keeping, in days; 0: always
    keep_text_days: int = Field(default=90, ge=0, le=36_500)
    keep_evidence_days: int = Field(default=1826, ge=0, le=36_500)  # five years

    # Beside HubSoft: its address, and the credential of ours with which it is asked
    hubsoft_url: str | None = None
    hubsoft_client_id: str = ""
    hubsoft_client_secret: SecretStr = SecretStr("")
    hubsoft_username: str = ""
    hubsoft_password: SecretStr = SecretStr("")
    hubsoft_verify_tls: bool = True
    hubsoft_timeout_s: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    # The API client that HubSoft's own tokens count as; none: refused.
    hubsoft_local_client: int | None = Field(default=None, ge=1, le=2**31 - 1)
    hubsoft_login: bool = False  # POST /oauth/token of clients that are not ours goes to HubSoft
    sync_every_s: float = Field(default=600.0, ge=0, allow_inf_nan=False)  # 0: only `disparo sincronizar`
    sync_months_back: int = Field(default=12, ge=0, le=240)
    sync_months_ahead: int = Field(default=12, ge=0, le=120)
    sync_sms_permission: bool = True  # its API does not show who permits SMS
    # Older data is asked again before a hand-over; 0: never.
    max_data_age_s: float = Field(default=1800.0, ge=0, allow_inf_nan=False)
    single_when_source_down: Literal["send", "wait"] = "send"

    # Sending
    real_sending: bool = False
    test_numbers: list[str] = []
    platforms: dict[str, dict[str, Any]] = {}
    # Where people are told of faults, as Apprise addresses (tgram://..., mailto://...).
    alerts: list[SecretStr] = []
    max_segments: int = Field(default=3, ge=1, le=10)
    # Notices and collections that one phone gets; 0: any number
    max_per_phone_day: int = Field(default=0, ge=0, le=_MOST)
    max_per_phone_week: int = Field(default=0, ge=0, le=_MOST)
    extra_holidays: list[str] = []  # of the town: DD/MM (every year), DD/MM/AAAA or AAAA-MM-DD

    @field_validator("clock_url", "database_url", "metrics_token", *_PLACES, mode="before")
    @classmethod
    def _is_given(cls, text: object, info: ValidationInfo) -> object:
        """An empty one is not set: it is no token that opens, no folder one is in, no address open to all."""
        return text or cls.model_fields[info.field_name or ""].default

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_switch(cls, value: object, info: ValidationInfo) -> object:
        """The library takes `true` for 1: of texts kept 90 days one would be left."""
        of = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and is_number(of):
            raise ValueError("deve ser um número, e não true ou false")
        return value

    @field_validator("brand")
    @classmethod
    def _is_seen(cls, text: str) -> str:
        if not shows(text):
            raise ValueError("deve ter ao menos um caractere visível")
        return text

    @field_validator("hubsoft_url", "public_url")
    @classmethod
    def _is_an_address(cls, text: str | None, info: ValidationInfo) -> str | None:
        if not text:
            return None
        if not is_address(text):
            name = "hubsoft" if info.field_name == "hubsoft_url" else "sms"
            raise ValueError(f"deve ser um endereço como https://{name}.provedor.com.br")
        return text.rstrip("/")

    @field_validator("test_numbers")
    @classmethod
    def _are_phones(cls, numbers: list[str]) -> list[str]:
        return [read_phone(number) for number in numbers]

    @field_validator("template")
    @classmethod
    def _makes_texts(cls, text: str | None) -> str | None:
        if text:
            check_template(text)
        return text

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"fuso horário desconhecido: {name}") from error
        return name

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"não é um endereço nem uma rede: {proxy} (exemplo: 10.0.0.0/24)") from error
        return proxies

    @field_validator("extra_holidays")
    @classmethod
    def _are_days(cls, days: list[str]) -> list[str]:
        for day in days:
            read_local_holiday(day)
        return days

    @property
    def local_holidays(self) -> list[LocalHoliday]:
        """The towns' holidays."""
        return [read_local_holiday(day) for day in self.extra_holidays]

    @property
    def zone(self) -> ZoneInfo:
        """The installation's time zone."""
        return ZoneInfo(self.timezone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a value given in code win over the environment, and that over the file."""
        return init_settings, env_settings, _File(settings_cls, toml_file=settings_file())


class _File(TomlConfigSettingsSource):
    def _read_file(self, file_path: Any) -> dict[str, Any]:
        return tomllib.loads(file_path.read_bytes().decode("utf-8-sig"))  # Windows begins it with a mark


def settings_file() -> Path | None:
    """Give the settings' file, if there is one; raises SettingsInvalid where the one named is not there.

    So does the machine's where it is closed to this user: without it a command would work on other data.
    """
    named = os.environ.get("DISPARO_CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsInvalid(f"O arquivo de configuração {named} (DISPARO_CONFIG) não existe.")
        return Path(named)
    try:
        SYSTEM_FILE.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise SettingsInvalid(
            f"O arquivo de configuração {SYSTEM_FILE} não pode ser lido por este usuário: "
            "use sudo, ou aponte outro arquivo com DISPARO_CONFIG."
        ) from None
    return SYSTEM_FILE


def load_settings(**overrides: object) -> Settings:
    """Read the settings; raises SettingsInvalid naming each wrong one. None among `overrides` is ignored."""
    given: Mapping[str, Any] = {key: value for key, value in overrides.items() if value is not None}
    try:
        return _with_simulated(Settings(**given))
    except ValidationError as error:
        raise SettingsInvalid(f"Configuração inválida: {words_of(error, os.environ)}") from None
    except SettingsError as error:  # a list or a table in the environment is JSON
        name = str(error).partition('"')[2].partition('"')[0]
        example = '{"nome": {"type": "..."}}' if name == "platforms" else '["..."]'
        raise SettingsInvalid(
            f"Configuração inválida: DISPARO_{name.upper()} se escreve como JSON, por exemplo {example}."
        ) from None
    except OSError as error:
        if error.errno in OF_THE_MACHINE:
            raise
        raise SettingsInvalid(f"O arquivo de configuração não pôde ser lido: {in_words(error)}.") from None
    except ValueError as error:  # a TOML file that is not TOML
        raise SettingsInvalid(
            f"O arquivo de configuração não pôde ser lido: {words_of_file(error)}."
        ) from None


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the names in the environment that look like a setting's and are none's, each with the one meant.

    Of other names nothing can be said: secrets of platforms are called as one likes (`env:DISPARO_...`).
    """
    ours, found = [name.upper() for name in Settings.model_fields], {}
    for variable in environment:
        prefix, _, name = variable.upper().partition("__")[0].partition("_")
        if prefix == "DISPARO" and name not in ours:
            for meant in get_close_matches(name, ours, n=1, cutoff=_ALIKE):
                found[variable] = f"DISPARO_{meant}"
    return found


def _with_simulated(settings: Settings) -> Settings:
    """Beside a platform of the settings it would take messages over, and no customer would get them."""
    brought = os.environ.get(SIMULATED)
    if brought is None or settings.platforms:
        return settings
    found = json.loads(brought)
    public_url = settings.public_url or found["public_url"]
    return settings.model_copy(update={"platforms": found["platforms"], "public_url": public_url})
