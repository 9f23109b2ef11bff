"""Whether a platform is used now, and what keeps it from that: one word for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import asyncpg

from disparo.db.platform_states import Resumed
from disparo.domain.routing import Route
from disparo.wording.reason_words import reason


class Hindrance(StrEnum):
    """What keeps new messages from a platform now, in the words of a badge."""

    PAUSED = "pausada"
    FAILING = "com falha"
    NO_WEIGHT = "não recebe novas"
    HOURS = "fora do horário"
    DAY_FULL = "limite de 24 horas atingido"


def hindrance(
    route: Route,
    state: asyncpg.Record | None,
    *,
    per_day: int | None,
    day_used: int,
    local: datetime,
) -> Hindrance | None:
    """Give what to tell first; `state` is its row of `platform_states`, `local` the installation's time."""
    if state is not None and state["paused_by"] is not None:
        return Hindrance.PAUSED
    if state is not None and state["open_reason"] is not None:
        return Hindrance.FAILING
    if route.weight == 0:
        return Hindrance.NO_WEIGHT
    if not route.is_open_at(local):
        return Hindrance.HOURS
    return Hindrance.DAY_FULL if per_day is not None and day_used >= per_day else None


def none_in_use(names: Iterable[str], states: Mapping[str, asyncpg.Record]) -> str | None:
    """Say why nothing goes by these platforms, all there are; None where something may."""
    why = []
    for name in names:
        state = states.get(name)
        if state is None or not (state["paused_by"] or state["open_reason"]):
            return None
        why.append(f"{name}: {'pausada' if state['paused_by'] else reason(state['open_reason'])}")
    if not why:
        return "Nenhuma plataforma de SMS está configurada: avise quem administra."
    return f"Nenhuma plataforma está em uso ({'; '.join(why)})."


def resumed(name: str, what: Resumed) -> str:
    """Say what the resuming of a platform comes to."""
    if what is Resumed.TRIED:
        return f"Plataforma {name}: a próxima mensagem a tenta já. Se ela responder, volta ao uso."
    return f"Plataforma {name} " + ("em uso outra vez." if what is Resumed.IN_USE else "já estava em uso.")
