"""How the command line names bulk runs that are paused: a restore pauses them, and says it nowhere else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

#: With the command that resumes each.
_MOST_NAMED = 5


def paused_runs(runs: Sequence[UUID], dados: Path | None = None) -> str:
    """Give lines that name the first runs with what resumes them, each begun by a line's end; none: empty."""
    if not runs:
        return ""
    if len(runs) == 1:
        said = "1 disparo em lote está pausado, e nada dele sai até alguém o retomar:"
    else:
        said = (
            f"{len(runs)} disparos em lote estão pausados, e nada deles sai até alguém os retomar, um a um:"
        )
    folder = in_folder(dados)
    lines = [said, *(f"  disparo execucao retomar {run}{folder}" for run in runs[:_MOST_NAMED])]
    if len(runs) > _MOST_NAMED:
        more = len(runs) - _MOST_NAMED
        lines.append(f"  e mais {more}, que estão em: disparo execucao listar --limite 1000{folder}")
    return "".join(f"\n{line}" for line in lines)


def in_folder(dados: Path | None) -> str:
    """Give what a command is followed by to act on the same folder."""
    return "" if dados is None else f" --dados {shlex.quote(str(dados))}"
