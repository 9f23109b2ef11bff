"""The keys that every platform's table may have, whatever the platform speaks."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from disparo.platforms.generic_rules import SegmentRules

#: Of +5511987654321, so many characters are left out in each `number_format`.
LEFT_OUT = {"e164": 0, "e164_digits": 1, "national": 3}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a platform; `context` says whose certificate to trust, None without TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None


class PlatformTable(BaseModel):
    """A platform's limits, its hours and routes, and what it costs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    segments: SegmentRules = SegmentRules()
    per_second: Annotated[float | None, Field(ge=0.001, le=100_000)] = None
    per_day: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    window: Annotated[int | None, Field(ge=1, le=50)] = None  # of all workers together
    order: int | None = None  # lower first; without it, as they stand in the file
    weight: Annotated[int, Field(ge=0)] = 1  # 0: not used for new messages
    hours: str | None = None  # "08:00-20:00", in the installation's zone
    ddds: list[Annotated[int, Field(ge=11, le=99)]] = []  # none: all
    cost_per_segment: Annotated[Decimal | None, Field(ge=0)] = None
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0

    @property
    def where(self) -> str:
        """Give what a person recognises it by, in a line's length."""
        raise NotImplementedError

    @property
    def endpoint(self) -> Endpoint:
        """Give where it listens."""
        raise NotImplementedError

    @property
    def brought_by_webhook(self) -> str | None:
        """What it calls us to tell, in the administrator's word; None: it does not."""
        return None

    @property
    def webhook_secrets(self) -> Sequence[str]:
        """The secrets that open our webhook, the newest first."""
        return ()

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        if hours is not None:
            read_hours(hours)
        return hours


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
