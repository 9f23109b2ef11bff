"""How long something takes, in words; and what that means for messages that only wait so long."""

from __future__ import annotations

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
    return (
        f"Um SMS espera no máximo {duration(timeout_s)} de horário de envio: o que não sair até lá falha. "
        "Divida o disparo, ou aumente o ritmo da plataforma ou timeout_s."
    )
