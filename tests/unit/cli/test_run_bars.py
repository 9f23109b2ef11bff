"""The bars of a run say of what left that it left, and of nothing else."""

from __future__ import annotations

import json

import pytest
from rich.progress import Progress

from disparo.cli.bulk_progress import _show


@pytest.mark.parametrize(
    ("counts", "sent", "of"),
    [
        ({"queued": 4, "sending": 1, "delivered": 2, "uncertain": 1}, 3, 8),
        ({"delivered": 5, "skipped": 3, "failed": 1, "held": 1}, 5, 5),  # it ends full
        ({"skipped": 3}, 0, None),
        ({}, 0, None),
    ],
)
def test_what_was_left_out_or_kept_is_not_called_sent(counts, sent, of):
    progress = Progress(disable=True)
    bars = progress.add_task("na fila", total=None), progress.add_task("enviadas", total=None)
    row = {"counts": json.dumps(counts), "tallies": "{}", "total": 10, "state": "running"}
    assert not _show(progress, bars, row)
    assert (progress.tasks[1].completed, progress.tasks[1].total) == (sent, of)
