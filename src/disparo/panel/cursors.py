"""Where a list goes on, as its address carries it: a moment, and what tells equals apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from disparo.panel.fields import id_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_and_text(at: datetime, text: str) -> str:
    """Write a place in a list."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{text}"


def read_moment_and_text(written: str) -> tuple[datetime, str] | None:
    """Read a place in a list; None where there is none."""
    micros, _, text = written.partition(".")
    at = id_of(micros)
    try:
        return None if at is None or not text else (_EPOCH + timedelta(microseconds=at), text)
    except OverflowError:
        return None


def read_moment_and_id(written: str) -> tuple[datetime, int] | None:
    """Read a place in a list of rows with numbers."""
    found = read_moment_and_text(written)
    id_ = None if found is None else id_of(found[1])
    return None if found is None or id_ is None else (found[0], id_)


def read_moment_and_uuid(written: str) -> tuple[datetime, UUID] | None:
    """Read a place in a list of rows with UUIDs."""
    found = read_moment_and_text(written)
    try:
        return None if found is None else (found[0], UUID(found[1]))
    except ValueError:
        return None
