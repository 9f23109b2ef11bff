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
