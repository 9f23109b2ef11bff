"""A file that cannot be read for a while is said, and read when it can be again."""

from __future__ import annotations

import asyncio

import pytest

from disparo.settings_watch import SettingsWatch

pytestmark = pytest.mark.anyio


async def test_a_fault_while_loading_does_not_end_the_watch(monkeypatch, tmp_path):
    monkeypatch.setenv("DISPARO_CONFIG", str(tmp_path / "disparo.toml"))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.02)
    (tmp_path / "disparo.toml").write_text("")
    faults, got = [PermissionError(13, "Permission denied"), RuntimeError()], []

    def load():
        if faults:
            raise faults.pop()
        return "new"

    task = asyncio.create_task(SettingsWatch(load, got.append).run())
    try:
        async with asyncio.timeout(10):
            for number in range(1, 4):
                (tmp_path / "disparo.toml").write_text("#" * number)
                left = len(faults)
                while len(faults) == left and not got and not task.done():
                    await asyncio.sleep(0.01)
        assert not task.done()
        assert got == ["new"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_file_that_is_still_being_written_is_not_taken_as_it_is_by_then(monkeypatch, tmp_path):
    """Half a file may be good settings: those of the platforms come last."""
    file = tmp_path / "disparo.toml"
    monkeypatch.setenv("DISPARO_CONFIG", str(file))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.2)
    lines = [f"# {number}\n" for number in range(20)]
    file.write_text("old\n")
    got = []
    task = asyncio.create_task(SettingsWatch(file.read_text, got.append).run())
    try:
        await asyncio.sleep(0.3)
        with file.open("w") as being_written:
            for line in lines:
                being_written.write(line)
                being_written.flush()
                await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while not got:
                await asyncio.sleep(0.01)
        assert got == ["".join(lines)]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
