"""What a module writes into the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog


@contextmanager
def lines_of(module: ModuleType) -> Iterator[list[dict[str, Any]]]:
    """Give the module's lines as they come, of every level.

    Its own logger may have been used before: it then writes by the settings of that time, unseen by `capture_logs`.
    And a command that ran in this process may have left a level that hides some.
    """
    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as lines:
        all_levels = structlog.make_filtering_bound_logger(logging.NOTSET)
        patch.setattr(module, "log", structlog.wrap_logger(None, wrapper_class=all_levels))
        yield lines
