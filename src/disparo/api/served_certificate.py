"""Serves HTTPS with a certificate that may be renewed while the server runs."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from disparo.api.certificate import Certificate, CertificateInvalid, about, load
from disparo.db import alerts
from disparo.dispatch.own_signs import Sign
from disparo.wording.moment_words import to_minute

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
_SOON = timedelta(days=14)
_Stamp = tuple[tuple[int, int, int] | None, ...]


class ServedCertificate:
    """`run` has new connections served with renewed files; open ones go on as they began.

    Files that cannot be served with raise CertificateInvalid at the start; later they are said, and the pair
    before them stays.
    """

    def __init__(self, pair: Certificate) -> None:
        self._pair = pair
        self._seen = self._stamp()
        #: Changed files are read once they stand still: a pair is two writes, or more.
        self._moving: _Stamp | None = None
        #: What listens. A pair that is loaded into it over another one would leave that one in use where it
        #: is of another kind (RSA, EC), and none where it does not fit: each gets a context of its own.
        self.context = load(pair)
        self._use(self.context)
        #: Why what is in the files now is not what is served with; None: it is.
        self.refused: str | None = None
        self.context.sni_callback = self._hand_over

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take what the files hold, if it is new and whole; where it was refused, try it again."""
        stamp = self._stamp()
        if stamp == self._seen and self.refused is None:
            return
        if stamp not in (self._seen, self._moving):
            self._moving = stamp
            return
        self._seen, self._moving = stamp, None
        try:
            self._use_newer(load(self._pair))
        except CertificateInvalid as error:
            if error.why != self.refused:
                log.error("certificate_refused_old_one_stays", why=error.why)
            self.refused = error.why
        else:
            self.refused = None
            log.info("certificate_renewed", until=self._about[1].isoformat() if self._about else None)

    def signs(self, zone: ZoneInfo) -> list[Sign]:
        """Say that its end is near, and that the files hold another one that cannot be served with."""
        whose, until = self._about or (self._pair.certificate.name, None)
        where = f"máquina {socket.gethostname()}, arquivo {self._pair.certificate.absolute()}"
        signs = []
        if until is not None and until - datetime.now(UTC) <= _SOON:
            signs.append(Sign(alerts.CERTIFICATE_ENDS, whose, f"{to_minute(until, zone)} ({where})"))
        if self.refused is not None:
            signs.append(Sign(alerts.CERTIFICATE_REFUSED, whose, f"{self.refused} ({where})"))
        return signs

    def _use(self, context: ssl.SSLContext) -> None:
        self._current, self._about = context, about(self._pair.certificate)

    def _use_newer(self, context: ssl.SSLContext) -> None:
        """Raise CertificateInvalid where callers would refuse it, and not the one in use, or not so long.

        By an own clock that is years ahead every pair is over: the one that ends last is still the best.
        """
        found = about(self._pair.certificate)
        if found and self._about and found[1] < min(datetime.now(UTC), self._about[1]):
            raise CertificateInvalid(f"o certificado venceu em {found[1]:%d/%m/%Y}")
        self._use(context)

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Serve a new connection with the newest pair; called also for callers that name no host."""
        connection.context = self._current

    def _stamp(self) -> _Stamp:
        found: list[tuple[int, int, int] | None] = []
        for path in (self._pair.certificate, self._pair.key):
            try:
                now = path.stat()
                found.append((now.st_mtime_ns, now.st_size, now.st_ino))
            except OSError:  # said in words when it is to be read
                found.append(None)
        return tuple(found)
