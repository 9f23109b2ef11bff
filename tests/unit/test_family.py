"""A child that cannot be started anew at this moment is started a moment later, and all end when asked to."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.support.stage import free_port

from disparo.cli import processes
from disparo.cli.processes import Family

pytestmark = pytest.mark.anyio


def simulator(log):
    """A child that ends by no word of its own."""
    return "simulador", "--porta", str(free_port()), "--registro", str(log)


async def stopped(pid):
    """Stop a process, and see that it is."""
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.01)


async def test_a_fork_that_fails_once_is_tried_again(monkeypatch):
    start, failed = asyncio.create_subprocess_exec, []

    async def once(*arguments, **more):
        if not failed:
            failed.append(True)
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await start(*arguments, **more)

    family = Family({})
    await family.start("child", "--versao")
    first = family.pids()["child"]
    monkeypatch.setattr(asyncio, "create_subprocess_exec", once)
    try:
        async with asyncio.timeout(20):
            while not failed or family.pids()["child"] == first:
                await asyncio.sleep(0.05)
    finally:
        await family.stop()


async def test_those_of_one_command_are_ended_together(monkeypatch, tmp_path):
    """Each may take as long as a platform's answer, and systemd waits for all of them together."""
    monkeypatch.setattr(processes, "_STOP_PATIENCE_S", 1.0)
    family = Family({})
    for number in range(4):
        await family.start(f"child-{number}", *simulator(tmp_path / f"heard-{number}"))
        # Deaf to the signal, as a worker is until its platform answers; at once, before it has done its work.
        await stopped(family.pids()[f"child-{number}"])
    done, process = [], asyncio.subprocess.Process
    ends = {"terminate": process.terminate, "kill": process.kill}

    def noted(name):
        def end(child):
            done.append(name)
            ends[name](child)

        return end

    for name in ends:
        monkeypatch.setattr(process, name, noted(name))
    await family.stop()
    assert done[:4] == ["terminate"] * 4  # all of them are asked before any is waited for in vain
    assert set(done[4:]) == {"kill"}


async def test_one_that_is_being_started_anew_does_not_outlive_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_STOP_PATIENCE_S", 1.0)
    start, asked, started = asyncio.create_subprocess_exec, asyncio.Event(), []

    async def slowly(*arguments, **more):
        asked.set()
        await asyncio.sleep(0.3)
        started.append(await start(*arguments, **more))
        return started[-1]

    family = Family({})
    await family.start("deaf", *simulator(tmp_path / "unheard"))
    await stopped(family.pids()["deaf"])
    await family.start("falls", *simulator(tmp_path / "heard"))
    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    os.kill(family.pids()["falls"], signal.SIGKILL)
    async with asyncio.timeout(20):
        await asked.wait()
        await family.stop()
    alive = [process for process in started if process.returncode is None]
    for process in alive:
        process.kill()
        await process.wait()
    assert not alive


async def test_no_module_of_the_folder_that_it_was_started_in_is_run(monkeypatch, tmp_path, capfd):
    (tmp_path / "typer.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    family = Family({})
    await family.start("child", "--versao")
    try:
        async with asyncio.timeout(20):
            while not (said := capfd.readouterr()).out:
                assert "a stranger" not in said.err
                await asyncio.sleep(0.05)
    finally:
        await family.stop()


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_one_whose_loop_stands_still_is_killed_and_started_anew(
    command, monkeypatch, new_database, tmp_path
):
    """Of several servers at one port it would keep its share of the calls waiting, and nobody would be told."""
    monkeypatch.setattr(processes, "_HANGS_AFTER_S", 6.0)
    monkeypatch.setattr(processes, "_LOOK_EVERY_S", 0.2)
    port = ("--porta", str(free_port())) if command == "serve" else ()
    family = Family({"DISPARO_DATABASE_URL": new_database(), "DISPARO_DATA_DIR": str(tmp_path)})
    await family.start("child", command, *port)
    try:
        async with asyncio.timeout(90):
            while family.silent_s("child") is None:
                await asyncio.sleep(0.05)
            frozen = family.pids()["child"]
            os.kill(frozen, signal.SIGSTOP)
            while family.pids()["child"] == frozen or family.silent_s("child") is None:
                await asyncio.sleep(0.05)
    finally:
        await family.stop()
