"""What is known of one preset's platform from its documentation: the shape of an entry of `presets_spec`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: An answer to a hand-over: (status, body, outcome, failure).
Answer = tuple[int, str, str, str | None]


@dataclass(frozen=True)
class Spec:
    """`receipts`: (file in payloads, kind, failure); `inbound`: (file, sender, text); `balance`: (body, amount);
    `asked`: (body, kind, failure), of a question about the message ref-1 with the platform's own id."""

    fill: dict[str, Any]
    on_the_wire: list[bytes]
    accepted: tuple[int, str]
    platform_id: str | None
    answers: list[Answer]
    receipts: list[tuple[str, str, str | None]] = field(default_factory=list)
    inbound: list[tuple[str, str | None, str]] = field(default_factory=list)
    balance: tuple[str, str] | None = None
    asked: tuple[str, str, str | None] | None = None
    guessed: tuple[str, ...] = ()  # classes whose answers could not be verified
