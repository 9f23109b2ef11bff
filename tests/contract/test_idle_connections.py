"""A platform closes connections that nobody uses, just when somebody does, or that end what it says."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import pytest
from tests.contract.conftest import http
from tests.contract.generic import message, send, table

from disparo.domain.outcome import OutcomeKind
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


def closing_after(idle_s):
    """Take what comes over a connection in use; one that was idle for so long has been closed meanwhile."""
    used_at = {}

    async def answer(peer, writer):
        before, used_at[writer] = used_at.get(writer, time.monotonic()), time.monotonic()
        if used_at[writer] - before >= idle_s:
            peer.requests.pop()  # it came when nobody listened any more
            writer.transport.abort()
        else:
            await http(200, '{"id": "p-1"}')(peer, writer)

    return answer


async def test_no_message_is_risked_on_a_connection_that_the_platform_may_be_closing(peer):
    peer.answer = closing_after(2.0)  # gunicorn's; Apache's and Node's are 5 s
    platform = GenericHttp("p", read_table("p", table(peer)))
    kinds = []
    for pause_s in (0, 0.1, 2.1):
        await asyncio.sleep(pause_s)
        (outcome,) = await platform.send([message()])
        kinds.append(outcome.kind)
    await platform.close()
    assert kinds == [OutcomeKind.ACCEPTED] * 3
    assert (len(peer.requests), peer.connections) == (3, 2)


async def test_a_second_answer_is_not_taken_for_the_answer_to_the_next_message(peer):
    async def answer_twice(peer, writer):
        await http(200, f'{{"id": "p-{len(peer.requests)}"}}')(peer, writer)
        await asyncio.sleep(0.05)
        await http(200, '{"id": "once more"}')(peer, writer)

    async def send():
        (outcome,) = await platform.send([message()])
        return outcome.platform_id

    peer.answer = answer_twice
    platform = GenericHttp("p", read_table("p", table(peer)))
    at_once = await asyncio.gather(*[send() for _ in range(6)])  # each over a connection of its own
    await asyncio.sleep(0.3)
    in_turn = []
    for _ in range(3):
        in_turn.append(await send())
        await asyncio.sleep(0.2)
    await platform.close()
    assert sorted(at_once) + in_turn == [f"p-{n}" for n in range(1, 10)]


@pytest.mark.parametrize(("is_reset", "kind"), [(False, OutcomeKind.ACCEPTED), (True, OutcomeKind.AMBIGUOUS)])
async def test_half_an_answer_is_no_whole_one_where_only_the_end_of_the_connection_ends_it(
    peer, is_reset, kind
):
    """Half of the id would be an id that no receipt has, or the code of an error, and the SMS would go twice."""

    async def answer(_peer, writer):
        writer.write(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n9001")
        await writer.drain()
        if is_reset:
            await asyncio.sleep(0.1)  # a reset takes along what the other end has not read yet
            now = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            writer.transport.abort()
        else:
            writer.close()

    peer.answer = answer
    plain = {"id_path": None, "code_path": None, "id_regex": r"^(\d{4,})$", "success": {"regex": r"^\d{4,}$"}}
    outcome = await send(peer, **plain)
    assert (outcome.kind, len(peer.requests)) == (kind, 1)
