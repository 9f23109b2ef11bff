"""What a module writes into the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog


@contextmanager
def lines_of(module: ModuleType) -> Iterator[list[dict[str, Any]]]:
    """Give the module's lines as they come.

    Its own logger may have been used before: it then writes by the settings of that time, unseen by `capture_logs`.
    """
    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as lines:
        patch.setattr(module, "log", structlog.get_logger(module.__name__))
        yield lines
