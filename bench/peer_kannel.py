"""Kannel 1.4.5 from Debian: HTTP sendsms, its store in a file, its receipts in memory or in a spool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.stage import free_port

from bench.machine import ROOT, Process, need
from bench.wrk import Target

_CONFIGURATION = """group = core
admin-port = {admin}
admin-interface = 127.0.0.1
smsbox-port = {boxes}
admin-password = bench
log-file = "{folder}/bearerbox.log"
log-level = 2
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"
dlr-storage = {receipts}
dlr-spool = {folder}/dlr
sms-outgoing-queue-limit = 1000000
store-type = file
store-location = {folder}/kannel.store

group = smsc
smsc = smpp
smsc-id = bench
interface-version = 34
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = "VMA"
max-pending-submits = 100
throughput = 0

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 2

group = sendsms-user
username = bench
password = bench
max-messages = 3

group = sms-service
keyword = default
text = "no"
"""


class Smsc:
    """A fresh SMSC process; `counts` gives (taken, receipts acknowledged, last taken, last receipt)."""

    def __init__(self, *, receipts: bool) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "bench.smsc", str(self.port), *(["--receipts"] if receipts else [])]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._line()

    def counts(self) -> tuple[int, int, float, float]:
        os.kill(self._process.pid, signal.SIGUSR1)
        taken, receipts, last_taken, last_receipt = self._line().split()
        return int(taken), int(receipts), float(last_taken), float(last_receipt)

    def settled(self, count: int, *, receipts: bool, seconds: float = 120) -> float:
        """Wait until so many are through; gives when the last one was."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            taken, told, last_taken, last_receipt = self.counts()
            if (told if receipts else taken) >= count:
                return last_receipt if receipts else last_taken
            time.sleep(0.1)  # between two looks
        raise RuntimeError(f"only {self.counts()} of {count} went through")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(15)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Kannel:
    def __init__(self, folder: Path, *, receipts: str | None = None) -> None:
        """`receipts`: the store of receipts, `internal` or `spool`; None: none are asked for."""
        need("bearerbox", "kannel")
        self.folder = folder / f"kannel-{receipts}"
        (self.folder / "dlr").mkdir(parents=True)
        self.smsc = Smsc(receipts=receipts is not None)
        ports = {name: free_port() for name in ("admin", "boxes", "http")}
        path = self.folder / "kannel.conf"
        path.write_text(
            _CONFIGURATION.format(
                folder=self.folder, smsc=self.smsc.port, receipts=receipts or "internal", **ports
            ),
            encoding="utf-8",
        )
        self._boxes = [Process([need("bearerbox", "kannel"), "-v", "4", path], self.folder / "bearerbox.out")]
        self._boxes[0].opens(ports["boxes"])
        self._boxes.append(Process([need("smsbox", "kannel"), "-v", "4", path], self.folder / "smsbox.out"))
        self._boxes[1].opens(ports["http"])
        time.sleep(2)  # until it has bound to the SMSC
        asked = "&dlr-mask=31&dlr-url=" if receipts else ""
        self.target = Target(
            f"http://127.0.0.1:{ports['http']}/cgi-bin/sendsms?username=bench&password=bench&from=BENCH"
            f"&to=%2B5511988887777&text=Fatura+de+R%24+99%2C90+vence+em+30%2F11%2F2026{asked}"
        )

    def stop(self) -> None:
        for box in reversed(self._boxes):
            box.stop()
        self.smsc.stop()
