"""How bulk runs and simulations are put in words on the command line."""

from __future__ import annotations

from datetime import tzinfo

from rich.table import Table

from disparo.cli.tables import show_table
from disparo.dispatch.bulk_simulate import Simulation
from disparo.domain.template import format_amount
from disparo.wording.duration_words import duration, starts_later, too_slow
from disparo.wording.words import CAPS_NOT_KNOWN, LEFT_OUT, out_of_reach, several


def print_simulation(found: Simulation, *, timeout_s: int, zone: tzinfo) -> None:
    """Print what a run would come to, where a message waits `timeout_s` at most; moments as in `zone`."""
    print(f"Faturas: {found.invoices}   Destinatários: {found.recipients}")
    print_skipped(found.skipped)
    if not found.caps_are_known:
        print(f"Atenção: {CAPS_NOT_KNOWN}")
    if found.out_of_reach:
        print(f"Atenção: {out_of_reach(found.out_of_reach)}")
    table = Table("Plataforma", "SMS", "Segmentos", "Não cabem", "Custo", "Tempo")
    for each in found.estimates:
        cost = "não informado" if each.cost is None else format_amount(each.cost)
        counts = (each.recipients, each.segments, each.too_long)
        table.add_row(each.platform, *map(str, counts), cost, _takes(each.duration_s))
    if found.estimates:
        show_table(table)
    takes = _takes(None if found.duration is None else found.duration.whole_s)
    hours = "" if found.duration is not None and found.duration.days else ", em horário de envio"
    print(f"Tempo pelas plataformas usadas primeiro: {takes}{hours}.")
    if later := starts_later(found.openings, of=found.recipients, zone=zone):
        print(later)
    if warning := too_slow(found.duration and found.duration.open_s, timeout_s=timeout_s):
        print(f"Atenção: {warning}")
    print("Nada foi agendado.")


def print_skipped(skipped: dict[str, int]) -> None:
    """Print what is left out, by reason."""
    for reason, count in sorted(skipped.items()):
        print(f"  de fora: {several(count, *LEFT_OUT[reason])}")


def _takes(seconds: float | None) -> str:
    return "sem limite de velocidade" if seconds is None else duration(seconds)
