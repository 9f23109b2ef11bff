"""`./dev bench [PART] [options]`: PART is one of those below; without it, all beside the peers."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

PARTS = {
    "aceite": "bench.accept",
    "http": "bench.over_http",
    "confirmacoes": "bench.receipts",
    "bulk": "bench.bulk",
    "antigas": "bench.old",
    "mes": "bench.month",
    "dados": "bench.data",
    "panel": "bench.panel",
}

if __name__ == "__main__":
    part = PARTS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if part is not None:
        del sys.argv[1]
    importlib.import_module("tests.support.portuguese").speak()
    runpy.run_module(part or "bench.compare", run_name="__main__", alter_sys=True)
