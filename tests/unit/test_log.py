"""The log: what a line looks like, whoever writes it, and what becomes of work when it cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

BEGIN = """
import logging, sys, structlog
from disparo.log import configure_logging
"""


def run(source: str) -> list[str]:
    """In a process of its own: loggers are set up once for all."""
    done = subprocess.run([sys.executable, "-c", BEGIN + source], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_every_round_says_while_the_database_is_away_is_said_once_a_minute():
    said = run(
        "import disparo.log, logging, time\n"
        "configure_logging(stream=sys.stdout)\n"
        "log = structlog.get_logger('x')\n"
        "def rounds():\n"
        "    for _ in range(3):\n"
        "        log.warning('waits_for_database', job='beat', error='OSError')\n"
        "        log.warning('waits_for_database', job='sweep', error='OSError')\n"
        "        log.warning('worker_taken_over')\n"
        "        logging.getLogger('asyncpg.pool').warning(\n"
        "            'Failed to restore the pool connection floor; retrying')\n"
        "rounds()\n"
        "disparo.log._SAID_AGAIN_AFTER_S = 0.0\n"
        "log.warning('waits_for_database', job='beat', error='OSError')\n"
    )
    lines = [json.loads(line) for line in said]
    assert [line.get("job") or line["event"].partition(" ")[0] for line in lines] == [
        "beat",
        "sweep",
        "worker_taken_over",
        "Failed",
        "worker_taken_over",
        "worker_taken_over",
        "beat",
    ]
    assert [line.get("left_out") for line in lines] == [None] * 6 + [2]


def test_our_lines_and_those_of_libraries_look_alike():
    ours, theirs = map(
        json.loads,
        run(
            "configure_logging(stream=sys.stdout)\n"
            "structlog.get_logger('disparo.x').warning('said', token='a', to='11 98888-7777', n=1)\n"
            "structlog.get_logger('disparo.x').debug('not said')\n"
            "logging.getLogger('uvicorn.error').warning('call %s', '11988887777')\n"
        ),
    )
    assert ours.pop("timestamp") <= theirs.pop("timestamp")
    assert ours == {
        "token": "***",
        "to": "***",
        "n": 1,
        "event": "said",
        "level": "warning",
        "logger": "disparo.x",
    }
    assert theirs == {"event": "call ***", "level": "warning", "logger": "uvicorn.error"}


def test_a_traceback_is_a_type_and_a_place():
    (line,) = run(
        "configure_logging(stream=sys.stdout)\n"
        "try: int('11988887777x')\n"
        "except ValueError: structlog.get_logger('disparo.x').exception('failed')\n"
    )
    found = json.loads(line)
    assert (found["error"], found["at"]) == ("ValueError", "<string>:5")
    assert "11988887777" not in line


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has /dev/full, a disk that is always full"
)
def test_a_full_disk_stops_nobodys_work():
    said = run(
        "configure_logging(stream=open('/dev/full', 'w'))\n"
        "structlog.get_logger('disparo.x').error('lost')\n"
        "print('went on')\n"
    )
    assert said == ["went on"]


def test_lines_of_requests_stand_before_whatever_is_written_after_them():
    said = run(
        "import asyncio\n"
        "from disparo.log import write_plain\n"
        "configure_logging(stream=sys.stdout)\n"
        "async def main():\n"
        "    write_plain('disparo.x', 'first', {'n': 1})\n"
        "    write_plain('disparo.x', 'second', {})\n"
        "    structlog.get_logger('disparo.x').warning('third')\n"
        "    write_plain('disparo.x', 'fourth', {})\n"
        "    await asyncio.sleep(0)\n"
        "    structlog.get_logger('disparo.x').warning('fifth')\n"
        "asyncio.run(main())\n"
    )
    assert [json.loads(line)["event"] for line in said] == ["first", "second", "third", "fourth", "fifth"]


def test_where_people_are_told_is_in_no_line_whatever_the_level():
    """A Telegram address holds the bot's token."""
    said = run(
        "import asyncio, threading\n"
        "from http.server import BaseHTTPRequestHandler, HTTPServer\n"
        "from disparo.cli.telling import teller\n"
        "from disparo.settings import Settings\n"
        "class Told(BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length']))\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "    def log_message(self, *said):\n"
        "        pass\n"
        "server = HTTPServer(('127.0.0.1', 0), Told)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "configure_logging(level='DEBUG', stream=sys.stdout)\n"
        "for port in (server.server_port, 1):\n"
        "    tell = teller(Settings(alerts=[f'json://127.0.0.1:{port}/bot12345:AAFtoken/send']))\n"
        "    print('told:', asyncio.run(tell('t', 'x')))\n"
    )
    assert [line for line in said if line.startswith("told:")] == ["told: True", "told: False"]
    assert "AAFtoken" not in "".join(said)
