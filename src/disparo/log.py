"""Logging: one JSON line an event, without phones, texts or secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, WrappedLogger

#: Keys that may never reach a log, whatever is in them.
_SECRET_KEYS = frozenset(
    {"text", "body", "password", "secret", "client_secret", "token", "access_token", "refresh_token", "phone"}
    | {"authorization", "e164", "dsn", "database_url", "linha_digitavel", "pix", "raw"}
)
#: Ten or more digits in a row, however they are set: a phone, a document or a payment code.
_LONG_NUMBER = re.compile(r"\+?\d(?:[ .()/-]?\d){9,}")
#: What stands between `//user:` and `@host` of an address; unbounded it takes the square of what it reads.
_URL_PASSWORD = re.compile(r"(//[^:/@\s]{1,200}:)[^@\s]{1,500}@")

#: What is said in every round for as long as the database is away: thirteen lines a second of each worker.
_OF_EVERY_ROUND = frozenset(
    {"waits_for_database", "record_waits_for_database", "start_waits_for_database"}
    | {"figures_wait_for_database", "queue_engine_restarts"}
    | {"Failed to restore the pool connection floor; retrying"}
)
_SAID_AGAIN_AFTER_S = 60.0


@lru_cache(maxsize=1024)  # words of a line are mostly those of the line before
def mask_text(value: str) -> str:
    """Put *** over what may be a phone, a document, a payment code or a password in an address."""
    return _URL_PASSWORD.sub(r"\1***@", _LONG_NUMBER.sub("***", value))


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every value of an event; ids of ours are hex or short, so they stay readable."""
    for key, value in event.items():
        if key in _SECRET_KEYS:
            event[key] = "***"
        elif isinstance(value, str) and key not in {"timestamp", "dispatch_id", "worker_id", "request_id"}:
            event[key] = mask_text(value)
    return event


class _Thinner(logging.Filter):
    """Lets a line of every round through once a minute, with how many were left out since."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[object, ...], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Do so for our own lines."""
        if event["event"] in _OF_EVERY_ROUND:
            left_out = self._left_out(event["event"], event.get("job"), event.get("error"))
            if left_out is None:
                raise structlog.DropEvent
            if left_out:
                event["left_out"] = left_out
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Do so for those of libraries."""
        return record.msg not in _OF_EVERY_ROUND or self._left_out(record.name, record.msg) is not None

    def _left_out(self, *line: object) -> int | None:
        """Count what was left out of this line since it was last said; None: leave this one out too."""
        at, count = self._said.get(line, (float("-inf"), 0))
        if time.monotonic() - at < _SAID_AGAIN_AFTER_S:
            self._said[line] = (at, count + 1)
            return None
        self._said[line] = (time.monotonic(), 0)
        return count


def configure_logging(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write our own lines and those of the libraries (uvicorn, asyncpg, pgqueuer) in the same way."""
    out, thinner = stream or sys.stderr, _Thinner()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _add_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
        mask_event,
    ]
    # Ours go straight out: the way through the standard library's loggers takes twice as long, and every
    # request has a line.
    structlog.configure(
        processors=[thinner, *shared, _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda name="disparo": _Lines(name, out),
        cache_logger_on_first_use=True,
    )
    _plain.lines = _Lines("disparo", out) if level in ("DEBUG", "INFO") else None
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=_as_json, foreign_pre_chain=shared))
    handler.addFilter(thinner)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their lines hold request lines and statement arguments: phones and secrets among them. urllib3 and
    # requests are Apprise's, and name the addresses that people are told at.
    of_libraries = ("uvicorn.access", "asyncio", "apprise", "pgqueuer", "aiohttp.access", "python_multipart")
    for noisy in (*of_libraries, "urllib3", "requests"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


class _Lines:
    """Where the lines of one module end up."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line, at once and whole; one that cannot be written (a full disk) stops nobody's work."""
        if _plain.waiting:
            _plain.flush()
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _Plain:
    """Lines of requests: those of one turn of the loop are written when it ends, before any other line."""

    def __init__(self) -> None:
        self.lines: _Lines | None = None
        self.waiting: list[EventDict] = []

    def add(self, event: EventDict) -> None:
        if not self.waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self.waiting.append(event)

    def flush(self) -> None:
        events, self.waiting = self.waiting, []
        if events and self.lines is not None:
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            for event in events:
                event["timestamp"] = now
            self.lines.msg("\n".join(map(_to_json, events)))


_plain = _Plain()


def write_plain(logger: str, event: str, fields: dict[str, str | float]) -> None:
    """Write a line (INFO) from inside the loop, at a third of the cost: nothing is masked in its fields."""
    if _plain.lines is not None:
        _plain.add({**fields, "event": event, "level": "info", "logger": logger})


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return _to_json(event)


def _to_json(event: EventDict) -> str:
    try:
        return to_json(event, fallback=repr).decode()
    except ValueError:  # half a character, or bytes that are no text
        return json.dumps(event, default=repr)


def _add_name(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    event["logger"] = logger.name if record is None else record.name
    return event


def _place_of_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace a traceback by type and place: its frames and messages can hold a phone or a text."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if not isinstance(info, tuple) or info[0] is None:
        return event
    event["error"] = info[0].__name__
    frame = info[2]
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is not None:
        event["at"] = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}"
    return event
