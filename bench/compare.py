"""`./dev bench [--json FILE] [--svg FILE] [--rapido]`: accepting and end to end, beside peers, in one run.

64 keep-alive connections from one wrk process, limits off. Every round measures each system once, one after
the other, so that what the machine does besides hits all alike; medians, with the lowest and the highest.
The database's disk as it is, and with 5 ms added to each of its flushes. What cannot be measured on this
machine is named as missing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import accepting, end_to_end
from bench.chart import write_chart
from bench.machine import Missing, describe, say
from bench.slow_flush import compiled

FLUSH_MS = 5.0
#: Measured by other parts of `./dev bench`, or not yet.
ELSEWHERE = {
    "bulk_1m_queue_s": "./dev bench bulk",
    "bulk_single_p99_ms": "./dev bench bulk",
    "rate_10m_vs_10k": "./dev bench antigas",
    "rate_share_used": "./dev rates",
    "rate_over_max": "./dev rates",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="O Disparo ao lado de outros.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--svg", type=Path, help="grava o gráfico neste arquivo")
    parser.add_argument("--rapido", action="store_true", help="uma rodada curta")
    parser.add_argument("--rodadas", type=int, default=7)
    parser.add_argument("--segundos", type=float, default=4.0)
    parser.add_argument(
        "--processos", type=int, default=2, help="processos do servidor do Disparo, onde só se aceita"
    )
    parser.add_argument("--sem", action="append", default=[], help="deixa um concorrente de fora")
    options = parser.parse_args()
    if options.rapido:
        options.rodadas, options.segundos = 1, 2.0
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    try:
        found = measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.svg:
        write_chart(found, options.svg)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"missing": {}}
    for disk in ("as_is", "slow_flush"):
        library = None
        try:
            if disk == "slow_flush":
                library = compiled(folder / "slow", FLUSH_MS)
        except Missing as why:
            found["missing"]["flush de 5 ms"] = str(why)
            say(f"bench: SEM a medida com flush de {FLUSH_MS} ms: falta {why}")
            continue
        with ExitStack() as stack:
            found[f"accept_{disk}"] = accepting.measure(stack, folder, options, library, found["missing"])
    with ExitStack() as stack:
        whole = end_to_end.measure(stack, folder, options, found["missing"])
    found |= {"end_to_end": whole["runs"], "memory": whole["memory"], "idle": whole["idle"]}
    found |= figures(found)
    found["not_measured_here"] = ELSEWHERE
    found["settings"] = {
        "connections": accepting.CONNECTIONS,
        "clients": "wrk, 1 processo",
        "rounds": options.rodadas,
        "seconds": options.segundos,
        "server_processes": {"accept": options.processos, "end_to_end": 1},
        "ways": {
            "disparo, celery, celery_lean": "HTTP",
            "disparo_batch": "HTTP, lists",
            "disparo_smpp, kannel": "SMPP",
        },
    }
    found["machine"] = describe()
    return found


def figures(found: dict[str, Any]) -> dict[str, float]:
    """The keys by which runs are held against each other; what was not measured is left out."""
    accept = {name: median(runs["per_s"]) for name, runs in found["accept_as_is"].items()}
    end = {name: median(runs["per_s"]) for name, runs in found["end_to_end"].items()}
    kannel = [rate for name, rate in end.items() if name.startswith("kannel")]
    # Each beside a peer that reaches its platform the same way: Kannel an SMSC, the Celery shape over HTTP.
    ours, over_http, over_smpp = accept["disparo"], end["disparo"], end.get("disparo_smpp")
    batch, best = end.get("disparo_batch"), max(kannel, default=None)
    values: dict[str, float | None] = {
        "accept_per_s": ours,
        "accept_vs_celery": _ratio(ours, accept.get("celery")),
        "accept_vs_celery_lean": _ratio(ours, accept.get("celery_lean")),
        "accept_vs_jasmin": _ratio(ours, accept.get("jasmin")),
        "accept_vs_kannel_file": _ratio(ours, accept.get("kannel_file")),
        "e2e_receipts_per_s": over_smpp,
        "e2e_receipts_vs_kannel": _ratio(over_smpp, best),
        "e2e_vs_celery": _ratio(over_http, end.get("celery")),
        "e2e_vs_celery_lean": _ratio(over_http, end.get("celery_lean")),
        "e2e_http_receipts_per_s": over_http,
        "e2e_http_receipts_vs_kannel": _ratio(over_http, best),
        "e2e_smpp_vs_celery": _ratio(over_smpp, end.get("celery")),
        "e2e_smpp_vs_celery_lean": _ratio(over_smpp, end.get("celery_lean")),
        "e2e_batch_receipts_per_s": batch,
        "e2e_batch_vs_celery": _ratio(batch, end.get("celery")),
        "e2e_batch_vs_celery_lean": _ratio(batch, end.get("celery_lean")),
        "rss_slope_mb_per_100k": end_to_end.slope(found["memory"]),
        **found["idle"],
    }
    return {name: round(value, 3) for name, value in values.items() if value is not None}


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def median(values: list[float]) -> float:
    return statistics.median(values)


def show(found: dict[str, Any]) -> None:
    titles = {
        "accept_as_is": "aceitar por HTTP, o disco como é",
        "accept_slow_flush": f"aceitar por HTTP, cada flush do banco {FLUSH_MS:.0f} ms mais lento",
        "end_to_end": "de ponta a ponta (Disparo e Kannel com confirmações; Celery sem)",
    }
    heads = f"{'por segundo':>12} {'menor':>9} {'maior':>9} {'p99 ms':>8} {'recusas':>8} {'Disparo ÷':>10}"
    print(f"{'':46} {heads}")
    for part, title in titles.items():
        if part not in found:
            continue
        print(title)
        for name, runs in found[part].items():
            like = "disparo_smpp" if part == "end_to_end" and name.startswith("kannel") else "disparo"
            ours = median(found[part].get(like, found[part]["disparo"])["per_s"])
            rates = runs["per_s"]
            p99 = f"{median(runs['p99_ms']):8.1f}" if runs.get("p99_ms") else " " * 8
            refused = f"{sum(runs['refused']):8d}" if runs.get("refused") else " " * 8
            ratio = f"{ours / median(rates):10.2f}" if median(rates) else ""
            spread = f"{median(rates):12.0f} {min(rates):9.0f} {max(rates):9.0f}"
            print(f"  {name:44} {spread} {p99} {refused} {ratio}")
    for name, value in found["idle"].items():
        print(f"{name}: {value}")
    for name, why in found["missing"].items():
        print(f"FALTA {name}: {why}")
    print("não medido aqui: " + ", ".join(f"{key} ({how or 'ainda não'})" for key, how in ELSEWHERE.items()))


if __name__ == "__main__":
    sys.exit(main())
