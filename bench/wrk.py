"""wrk, Debian's load generator in C: cheap enough that what it drives is what is measured."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.machine import need

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Target:
    """Calls of one kind; `body` may hold `#`, for which a number that counts up to `numbers` is written."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    numbers: int = 5000


@dataclass(frozen=True)
class Outcome:
    accepted: int
    per_s: float
    p50_ms: float
    p99_ms: float
    refused: int


def drive(target: Target, folder: Path, *, connections: int, seconds: float) -> Outcome:
    need("wrk", "wrk")
    script = folder / "calls.lua"
    script.write_text(_lua(target), encoding="utf-8")
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "20s",
        "--latency",
    ]
    done = subprocess.run(
        [*command, "-s", str(script), target.url], capture_output=True, text=True, check=True, timeout=600
    ).stdout
    total, took, unit = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", done).groups()  # type: ignore[union-attr]  # wrk always says it
    took_s = float(took) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]
    refused = int((re.search(r"Non-2xx or 3xx responses: (\d+)", done) or [0, 0])[1])
    accepted = int(total) - refused
    return Outcome(accepted, accepted / took_s, _quantile(done, 50), _quantile(done, 99), refused)


def _quantile(text: str, share: int) -> float:
    value, unit = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s)", text, re.MULTILINE).groups()  # type: ignore[union-attr]  # wrk always says it
    return float(value) * _UNITS[unit]


def _lua(target: Target) -> str:
    headers = "".join(f"wrk.headers[{_quoted(name)}] = {_quoted(value)}\n" for name, value in target.headers)
    before, found, after = target.body.partition("#")
    if not target.body:
        return f"wrk.method = {_quoted(target.method)}\n{headers}"
    body = f"{_quoted(before)} .. n .. {_quoted(after)}" if found else _quoted(before)
    return (
        f"wrk.method = {_quoted(target.method)}\n{headers}local n = 0\n"
        f"request = function()\n  n = n % {target.numbers} + 1\n"
        f"  return wrk.format(nil, nil, nil, {body})\nend\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_there() -> bool:
    return shutil.which("wrk") is not None
