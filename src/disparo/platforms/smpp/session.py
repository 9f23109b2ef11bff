"""One bound connection to an SMSC: submissions with a window, what the SMSC tells, and a pulse.

What is written here is written once. A submission whose answer does not come, for whatever reason, is not
known to be taken nor not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

import structlog

from disparo import failpoints
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import Command, Pdu

log = structlog.get_logger(__name__)

_ANSWERS_TO_SUBMIT = frozenset({Command.SUBMIT_SM | pdu.ANSWER, Command.GENERIC_NACK})
_TOLD = frozenset({Command.DELIVER_SM, Command.DATA_SM})
_ROK, _RINVCMDID, _RINVBNDSTS, _RX_T_APPN = 0x00, 0x03, 0x04, 0x64
#: A peer that sends more than this before a PDU is whole, or asks more than this unanswered, is not one.
_MOST_UNTOLD = 5000
#: Bytes of answers that a peer may leave unread before nothing more is read of what it says.
_MOST_UNREAD = 1 << 20
#: Of so many that were not answered in time the answer is still a fact when it comes.
_MOST_GIVEN_UP = 1000
#: How long a goodbye may take; after the SMSC's, what is under way may still be answered.
_FAREWELL_S = 5.0

#: Told what came in a deliver_sm or a data_sm; calls back with whether it is stored. May raise pdu.Malformed.
Deliver = Callable[[Pdu, Callable[[bool], None]], None]


#: Told the answer to the PDU at this place of a submission; None: nobody knows whether it was taken, and an
#: answer that comes after that is told too.
Answered = Callable[[int, Pdu | None], None]


class Lost(Exception):
    """The connection is gone, or no answer came in time."""


class _Submission:
    """PDUs written together; `done` ends when each is answered, timed out (`timer`) or cut off."""

    __slots__ = ("_answered", "_left", "done", "timer")

    def __init__(self, count: int, answered: Answered, done: asyncio.Future[None]) -> None:
        self._left = count
        self._answered = answered
        self.done = done
        self.timer: asyncio.TimerHandle | None = None

    def settle_late(self, place: int, answer: Pdu) -> None:
        self._answered(place, answer)

    def settle(self, place: int, answer: Pdu | None) -> None:
        self._answered(place, answer)
        self._left -= 1
        if self._left:
            return
        if self.timer is not None:
            self.timer.cancel()
        if not self.done.done():
            self.done.set_result(None)


class Session(asyncio.Protocol):
    """One bound connection. `lost` ends with it; `on_room` is called when an answer has made room."""

    def __init__(
        self, *, window: int, timeout_s: float, deliver: Deliver | None, on_room: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._window = window
        self._timeout_s = timeout_s
        self._deliver = deliver
        self._on_room = on_room
        self._read = bytearray()
        self._out: list[bytes] = []
        self._sequence = 0
        self._submitted: dict[int, tuple[_Submission, int]] = {}
        self._given_up: dict[int, tuple[_Submission, int]] = {}
        self._asked: dict[int, asyncio.Future[Pdu]] = {}
        self._untold = 0  # deliver_sm that are not answered yet
        self._taken = 0  # PDUs that came
        self._leaving = False
        self._smsc_leaves = False
        self._doubt = asyncio.Event()  # an answer did not come: is anybody there?
        self.lost: asyncio.Future[None] = self._loop.create_future()

    @property
    def room(self) -> int:
        """How many PDUs may be submitted now: none where the SMSC hung up, however short a time ago."""
        if self._leaving or self._doubt.is_set() or self._transport.is_closing():
            return 0
        return self._window - len(self._submitted)

    def submit(self, bodies: Sequence[bytes], answered: Answered) -> asyncio.Future[None]:
        """Write submit_sm PDUs in one go, at most as many as there is room for.

        `answered` is told of each; what is given ends after the last.
        """
        submission = _Submission(len(bodies), answered, self._loop.create_future())
        sequences, written = [], []
        sequence = self._sequence
        for place, body in enumerate(bodies):
            sequence = pdu.next_sequence(sequence)
            self._submitted[sequence] = (submission, place)
            sequences.append(sequence)
            written.append(pdu.pack(Command.SUBMIT_SM, sequence, body))
        self._sequence = sequence
        self._transport.write(b"".join(written))
        failpoints.hit("after_write")
        submission.timer = self._loop.call_later(self._timeout_s, self._give_up, sequences)
        return submission.done

    async def ask(self, command: Command, body: bytes = b"") -> Pdu:
        """Write a request and give its answer; raises Lost."""
        if self.lost.done():
            raise Lost
        self._sequence = sequence = pdu.next_sequence(self._sequence)
        answer: asyncio.Future[Pdu] = self._loop.create_future()
        self._asked[sequence] = answer
        try:
            self._transport.write(pdu.pack(command, sequence, body))
            async with asyncio.timeout(self._timeout_s):
                await answer
        except TimeoutError as error:
            raise Lost from error
        finally:
            self._asked.pop(sequence, None)
        return answer.result()

    async def keep_alive(self, every_s: float) -> None:
        """Ask now and then, and in doubt, whether the SMSC is there; cut and return if it is not.

        Some answer submit_sm and not this: where no answer is owed, whatever comes says that it is there.
        """
        while not self.lost.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._doubt.wait()
            taken = self._taken
            try:
                answer = await self.ask(Command.ENQUIRE_LINK)
            except Lost:
                if self._doubt.is_set() or self._taken == taken:
                    self.cut()
                continue
            if answer.status == _RINVBNDSTS:  # it is there, and brings no receipt to a bind it has forgotten
                self._let_it_leave()
            self._doubt.clear()
            self._on_room()

    async def leave(self) -> None:
        """Say goodbye and close; what is not answered by then stays unknown."""
        self._leaving = True
        if not self.lost.done():
            with suppress(Lost, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self.ask(Command.UNBIND)
        self.cut()

    def cut(self) -> None:
        """Close at once."""
        self._leaving = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_MOST_UNREAD)

    def pause_writing(self) -> None:
        """Hear no more of a peer that reads none of our answers: they would pile up for ever."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Hear it again; while nothing was heard, `keep_alive` may have cut it."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Everything that waits for an answer waits in vain."""
        self.lost.set_result(None)
        self._doubt.set()
        for submission, place in self._submitted.values():
            submission.settle(place, None)
        self._submitted.clear()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Lost())
        self._on_room()

    def data_received(self, data: bytes) -> None:
        """Take every PDU that is whole."""
        self._read += data
        try:
            for unit in pdu.split(self._read):
                self._take(unit)
        except pdu.Malformed as error:
            log.warning("smsc_sends_nonsense", where=str(error))
            self.cut()
        self._flush()

    def _take(self, unit: Pdu) -> None:
        command, _, sequence, _ = unit
        self._taken += 1
        if command in _TOLD:
            self._take_told(unit)
        elif command in _ANSWERS_TO_SUBMIT:
            self._take_answer(unit)
        elif command & pdu.ANSWER:
            answer = self._asked.get(sequence)
            if answer is not None and not answer.done():
                answer.set_result(unit)
        elif command == Command.ENQUIRE_LINK:
            self._say(Command.ENQUIRE_LINK | pdu.ANSWER, sequence)
        elif command == Command.UNBIND:
            self._say(Command.UNBIND | pdu.ANSWER, sequence)
            self._let_it_leave()
        elif command != Command.ALERT_NOTIFICATION:
            self._say(Command.GENERIC_NACK, sequence, status=_RINVCMDID)

    def _let_it_leave(self) -> None:
        self._leaving = self._smsc_leaves = True
        self._loop.call_later(_FAREWELL_S if self._submitted else 0, self.cut)

    def _take_answer(self, unit: Pdu) -> None:
        waiting = self._submitted.pop(unit.sequence, None)
        if waiting is not None:
            submission, place = waiting
            submission.settle(place, unit)
            self._on_room()
            if unit.status == _RINVBNDSTS:  # it has forgotten the bind: nothing will ever be taken here
                self._let_it_leave()
            if self._smsc_leaves and not self._submitted:
                self._loop.call_soon(self.cut)
        elif (late := self._given_up.pop(unit.sequence, None)) is not None:
            submission, place = late
            submission.settle_late(place, unit)
        elif (answer := self._asked.get(unit.sequence)) is not None and not answer.done():
            answer.set_result(unit)  # what was asked was not understood

    def _take_told(self, unit: Pdu) -> None:
        def told(stored: bool) -> None:  # noqa: FBT001 - a callback's only word
            self._untold -= 1
            self._say(unit.command | pdu.ANSWER, unit.sequence, b"\0", status=_ROK if stored else _RX_T_APPN)

        if self._deliver is None or self._untold >= _MOST_UNTOLD:
            self._say(unit.command | pdu.ANSWER, unit.sequence, b"\0", status=_RX_T_APPN)
            return
        self._untold += 1
        try:
            self._deliver(unit, told)
        except pdu.Malformed as error:
            # It would come again for ever: it is taken, and the log says that it said nothing.
            log.warning("smsc_tells_nonsense", where=str(error))
            told(True)  # noqa: FBT003 - a callback's only word

    def _say(self, command: int, sequence: int, body: bytes = b"", *, status: int = _ROK) -> None:
        """Write an answer, together with all others of this turn of the loop."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(pdu.pack(command, sequence, body, status=status))

    def _flush(self) -> None:
        if self._out and not self.lost.done():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _give_up(self, sequences: Sequence[int]) -> None:
        """Wait no longer for the answers of these; nothing is written before the SMSC gives a sign."""
        self._doubt.set()
        for sequence in sequences:
            waiting = self._submitted.pop(sequence, None)
            if waiting is not None:
                self._given_up[sequence] = waiting
                waiting[0].settle(waiting[1], None)
        while len(self._given_up) > _MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        self._on_room()
