"""A file that cannot be read for a while is said, and read when it can be again."""

from __future__ import annotations

import asyncio
import errno
import signal

import pytest
from tests.support.lines import lines_of

from disparo import settings_watch
from disparo.errors import SettingsInvalid
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch, say_what_waits

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

    task = asyncio.create_task(SettingsWatch(load).run(got.append))
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
    task = asyncio.create_task(SettingsWatch(file.read_text).run(got.append))
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


async def test_what_was_wrong_beside_the_file_is_seen_to_be_right(monkeypatch, tmp_path):
    password = tmp_path / "password"
    monkeypatch.setenv("DISPARO_CONFIG", str(tmp_path / "disparo.toml"))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.02)
    monkeypatch.setattr("disparo.settings_watch._REFUSED_AGAIN_S", 0.1)
    (tmp_path / "disparo.toml").write_text("")
    reads, got = [], []

    def load():
        reads.append(1)
        if not password.exists():
            raise SettingsInvalid("no password")
        return password.read_text()

    watch = SettingsWatch(load)
    with lines_of(settings_watch) as said:
        task = asyncio.create_task(watch.run(got.append))
        try:
            (tmp_path / "disparo.toml").write_text("# names the password's file")
            async with asyncio.timeout(10):
                while len(reads) < 3:
                    await asyncio.sleep(0.01)
                password.write_text("secret")
                while not got:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.3)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert (got, watch.refused) == (["secret"], None)
    assert [line["event"] for line in said] == ["settings_refused_old_ones_stay", "settings_reloaded"]


async def test_what_changed_while_the_process_was_starting_is_taken_too(monkeypatch, tmp_path):
    file = tmp_path / "disparo.toml"
    monkeypatch.setenv("DISPARO_CONFIG", str(file))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.02)
    file.write_text("started with")
    got, watch = [], SettingsWatch(file.read_text)
    file.write_text("written while the database was waited for")
    task = asyncio.create_task(watch.run(got.append))
    try:
        async with asyncio.timeout(10):
            while not got:
                await asyncio.sleep(0.01)
        assert got == ["written while the database was waited for"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_asks_while_earlier_settings_are_about_to_be_used_is_heard(monkeypatch, tmp_path):
    """The file need not have changed: a secret that it names in another one may have."""
    monkeypatch.setenv("DISPARO_CONFIG", str(tmp_path / "disparo.toml"))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.2)
    (tmp_path / "disparo.toml").write_text("")
    secrets, got = ["old"], []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def load():
        if len(secrets) == 1:  # after the secret was read, and before it is used
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGHUP)
            secrets.append("new")
            return secrets[0]
        return secrets[1]

    task = asyncio.create_task(SettingsWatch(load, after_others=True).run(got.append))
    try:
        await asyncio.sleep(0.05)
        signal.raise_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            while "new" not in got:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("fault", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
async def test_a_machine_without_room_refuses_no_settings_and_they_are_read_when_it_has(
    fault, monkeypatch, tmp_path
):
    """Settings that nobody had touched were called wrong, in the log and to whoever is told of faults."""
    monkeypatch.setenv("DISPARO_CONFIG", str(tmp_path / "disparo.toml"))
    monkeypatch.setattr("disparo.settings_watch._LOOK_EVERY_S", 0.02)
    (tmp_path / "disparo.toml").write_text("")
    faults, got = [fault], []

    def load():
        if faults:
            raise faults.pop()
        return "new"

    watch = SettingsWatch(load)
    task = asyncio.create_task(watch.run(got.append))
    (tmp_path / "disparo.toml").write_text("#")
    try:
        with lines_of(settings_watch) as lines:
            async with asyncio.timeout(10):
                while not got:
                    assert watch.refused is None
                    await asyncio.sleep(0.01)
        assert not faults
        assert not [line for line in lines if line["event"] == "settings_refused_old_ones_stay"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_is_only_read_at_a_start_is_named_where_it_has_changed():
    begun = Settings()
    with lines_of(settings_watch) as said:
        say_what_waits(begun, begun.model_copy(update={"brand": "MINHA NET"}))
        assert said == []
        say_what_waits(begun, begun.model_copy(update={"trusted_proxies": ["127.0.0.1"], "sync_every_s": 60}))
    (line,) = said
    assert line["event"] == "settings_wait_for_a_restart"
    assert line["names"] == ["sync_every_s", "trusted_proxies"]
