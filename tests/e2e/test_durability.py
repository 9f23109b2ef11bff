"""A 200 is never ahead of the disk: a trace of the system calls shows each commit's flush before each answer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from tests.support.client import DISPATCH
from tests.support.house import house as run_house

from disparo.db.embedded import EmbeddedPostgres

CALLS = 25
_LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) (?P<what>.*)$")


@pytest.fixture
def own_database():
    folder = Path(tempfile.mkdtemp(prefix="disparo-trace-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    server.start()
    yield server, folder
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def trace(pids, file, calls):
    """Trace processes and their children; None where this machine forbids it."""
    if not shutil.which("strace"):
        return None
    attach = [part for pid in pids for part in ("-p", str(pid))]
    command = ["strace", "-f", "-ttt", "-T", "-s", "64", "-e", f"trace={calls}", "-o", str(file), *attach]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while process.poll() is None and not all(map(is_traced, pids)):
        assert time.monotonic() < end
        time.sleep(0.05)  # between two looks
    return process if process.poll() is None else None


def is_traced(pid):
    """Tell whether a process and all its threads are traced, or it is gone by now."""
    try:
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/status")]
    except OSError:  # one of them ended just now
        return not Path(f"/proc/{pid}").exists()
    return all(re.search(r"^TracerPid:\t[1-9]", said, re.MULTILINE) for said in tasks)


def finished(file, pattern):
    """When each matching call ended: (seconds since the epoch), in order."""
    found = []
    for line in file.read_text(errors="replace").splitlines():
        parsed = _LINE.match(line)
        if parsed and re.search(pattern, parsed["what"]) and "<unfinished" not in parsed["what"]:
            took = re.search(r"<(\d+\.\d+)>$", parsed["what"])
            ended = float(parsed["at"]) + (
                float(took[1]) if took and "resumed" not in parsed["what"] else 0.0
            )
            found.append(ended)
    return sorted(found)


def begun(file, pattern):
    return sorted(
        float(parsed["at"])
        for line in file.read_text(errors="replace").splitlines()
        if (parsed := _LINE.match(line)) and re.search(pattern, parsed["what"])
    )


def test_each_200_comes_after_a_flush_of_its_own_commit(own_database, tmp_path):
    server, folder = own_database
    with run_house(server.admin_dsn, folder, workers_count=0) as house:
        client = house.client()
        flushes, answers = tmp_path / "postgres.trace", tmp_path / "server.trace"
        backends = [
            row["pid"]
            for row in house.fetch("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        ]
        tracers = [
            trace([server.pid, *backends], flushes, "fdatasync,fsync"),
            trace([house.stage.roles["server"].pid], answers, "write,writev,sendto,sendmsg"),
        ]
        if None in tracers:
            pytest.skip("no strace here, or it may not attach: the trace of flushes was NOT checked")
        asked = []
        for _ in range(CALLS):
            asked.append(time.time())
            assert client.send({"id_fatura": 11000}).status == 200
            time.sleep(0.02)  # each has a commit of its own
        for tracer in tracers:
            tracer.terminate()
            tracer.wait(10)
    flushed = finished(flushes, r"^(<\.\.\. )?f(data)?sync")
    answered = begun(answers, r'"HTTP/1\.1 200')
    assert len(answered) == CALLS, json.dumps(answered)
    # One call at a time: the flush between its question and its answer is that of its own commit.
    for question, answer in zip(asked, answered, strict=True):
        assert question < answer
        assert any(question < flush < answer for flush in flushed), (question, answer)


def test_an_acknowledged_receipt_survives_the_death_of_everything(own_database):
    server, folder = own_database
    with run_house(server.admin_dsn, folder, workers_count=1) as house:
        client = house.client()
        house.behave(receipts=[])
        answer = client.send({"id_fatura": 11000})
        house.until_state(client, answer, "entregue_a_plataforma")
        (message,) = house.simulator.get("/v1/messages").json["messages"]
        body = {"id": message["id"], "reference": message["reference"], "status": "delivered"}
        victim = house.stage.roles["server"]
        victim.stop()
        victim.start(DISPARO_FAILPOINTS="receipt_after_store:kill:1")
        house.until(lambda: _up(house))
        with pytest.raises(OSError):  # noqa: PT011 - it died before it could answer: any kind will do
            house.anonymous.post("/webhook/simulador/ensaio", body)
        victim.reap()
        victim.start()
        house.until(lambda: _up(house))
        # Stored before it could be acknowledged: applied without being told again.
        house.until(lambda: house.states(client, answer) == ["entregue"])
        assert client.get(DISPATCH).status == 200


def _up(house):
    try:
        return house.anonymous.get("/saude/vivo").status == 200
    except OSError:
        return False
