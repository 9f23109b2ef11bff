"""The figures as one SVG for the documentation: bars from zero, medians, with lowest and highest."""

from __future__ import annotations

import statistics
from html import escape
from pathlib import Path
from typing import Any

_PARTS = {
    "accept_as_is": "Aceitar por HTTP, por segundo: o disco como é",
    "accept_slow_flush": "Aceitar por HTTP, por segundo: flush do banco 5 ms mais lento",
    "end_to_end": "De ponta a ponta, por segundo (Celery: sem confirmações)",
}
_NAMES = {
    "disparo": "Disparo (durável)",
    "disparo_smpp": "Disparo (durável), a um SMSC",
    "disparo_batch": "Disparo (durável), 50 por chamada",
    "celery": "Flask + Celery + PostgreSQL",
    "celery_lean": "o mesmo, tabela enxuta",
    "kannel_file": "Kannel, store em arquivo",
    "jasmin": "Jasmin 0.11.0",
    "kannel_internal": "Kannel, confirmações em memória",
    "kannel_spool": "Kannel, confirmações em spool",
}
_LEFT, _WIDE, _ROW = 250, 470, 24


def write_chart(found: dict[str, Any], file: Path) -> None:
    lines: list[str] = []
    top = 10
    for part, title in _PARTS.items():
        shown = {name: runs["per_s"] for name, runs in found.get(part, {}).items() if name in _NAMES}
        if not shown:
            continue
        lines.append(f'<text x="10" y="{top + 16}" font-weight="bold">{escape(title)}</text>')
        top += 28
        largest = max(max(rates) for rates in shown.values())
        for name, rates in shown.items():
            lines += _bar(_NAMES[name], rates, largest, top, ours=name.startswith("disparo"))
            top += _ROW
        top += 14
    wide = _LEFT + _WIDE + 90
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{top}" viewBox="0 0 {wide} {top}" '
        f'font-family="sans-serif" font-size="13"><rect width="{wide}" height="{top}" fill="#fff"/>\n'
        + "\n".join(lines)
        + "\n</svg>\n",
        encoding="utf-8",
    )


def _bar(name: str, rates: list[float], largest: float, top: int, *, ours: bool) -> list[str]:
    middle = statistics.median(rates)
    length, low, high = (max(1.0, _WIDE * value / largest) for value in (middle, min(rates), max(rates)))
    colour, y = ("#0b7285" if ours else "#adb5bd"), top + 8
    number = f"{middle:,.0f}".replace(",", ".")
    return [
        f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="16" fill="{colour}"/>',
        f'<line x1="{_LEFT + low:.1f}" x2="{_LEFT + high:.1f}" y1="{y}" y2="{y}" stroke="#212529"/>',
        f'<text x="{_LEFT + max(length, high) + 6:.1f}" y="{top + 13}">{number}</text>',
    ]
