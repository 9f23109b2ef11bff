"""A child that cannot be started anew at this moment is started a moment later."""

from __future__ import annotations

import asyncio

import pytest

from disparo.cli.processes import Family

pytestmark = pytest.mark.anyio


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
