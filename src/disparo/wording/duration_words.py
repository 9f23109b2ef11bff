"""How long something takes and from when it goes, in words; what that means for what waits only so long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from disparo.wording.moment_words import to_minute
from disparo.wording.words import several

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """Give a duration as people say it, in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{max(whole, 1)} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    hours = whole % _DAY_S // _HOUR_S
    return several(whole // _DAY_S, "dia", "dias") + (f" e {hours} h" if hours else "")


def too_slow(takes_s: float | None, *, timeout_s: int) -> str | None:
    """Warn where the last of a run would wait longer than any may: `timeout_s`, of sending hours."""
    if takes_s is None or takes_s <= timeout_s:
        return None
    # Two days of them are four of twelve hours.
    most = duration(timeout_s) if timeout_s < _DAY_S else f"{timeout_s // _HOUR_S} h"
    return (
        f"Um SMS espera no máximo {most} de horário de envio: o que não sair até lá falha. "
        "Divida o disparo, ou aumente o ritmo da plataforma ou timeout_s."
    )


def starts_later(openings: Mapping[datetime, int], *, of: int, zone: tzinfo) -> str | None:
    """Say from when those of a run go that are outside their sending hours now; `of`: how many all are."""
    if not openings:
        return None
    waiting, first, last = sum(openings.values()), min(openings), max(openings)
    until = "" if first == last else f"; os últimos, em {to_minute(last, zone)}"
    if waiting == of:
        return f"Agora está fora do horário de envio: começa a sair em {to_minute(first, zone)}{until}."
    those = several(waiting, "SMS está", "SMS estão")
    begins = f"a partir de {to_minute(first, zone)}{until}"
    return f"{those} agora fora do horário de envio: {begins}. Os outros saem já."
