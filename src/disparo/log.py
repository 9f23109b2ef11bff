"""Logging: one JSON line an event, without phones, texts or secrets."""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

#: Keys that may never reach a log, whatever is in them.
_SECRET_KEYS = frozenset(
    {"text", "body", "password", "secret", "client_secret", "token", "access_token", "refresh_token", "phone"}
    | {"authorization", "e164", "dsn", "database_url", "linha_digitavel", "pix", "raw"}
)
#: Ten or more digits in a row, however they are set: a phone, a document or a payment code.
_LONG_NUMBER = re.compile(r"\+?\d(?:[ .()/-]?\d){9,}")
#: What stands between `//user:` and `@host` of an address.
_URL_PASSWORD = re.compile(r"(//[^:/@\s]+:)[^@\s]+@")


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


def configure_logging(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers (uvicorn, asyncpg, pgqueuer) the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
        mask_event,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(ensure_ascii=False), foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their lines hold request lines and statement arguments: phones and secrets among them.
    for noisy in ("uvicorn.access", "asyncio", "apprise", "pgqueuer", "aiohttp.access", "python_multipart"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


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
