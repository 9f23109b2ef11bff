"""An SMSC that answers after it was given up, over the same bind: what it says is a fact all the same."""

from __future__ import annotations

import pytest
from tests.contract.smsc import an_smsc, bound, message, take

from disparo.domain.outcome import OutcomeKind

pytestmark = pytest.mark.anyio


async def test_an_answer_that_comes_late_is_told_all_the_same():
    asked, told = [], []

    async def later(_smsc, writer, unit):
        asked.append((writer, unit))

    async with an_smsc(answer=later) as smsc, bound(smsc, timeout_s=0.2) as platform:
        batch = [message(number=number) for number in range(2)]
        await platform.send(batch, lambda place, outcome: told.append((place, outcome.kind)))
        assert told == [(0, OutcomeKind.AMBIGUOUS), (1, OutcomeKind.AMBIGUOUS)]
        for writer, unit in asked:
            await take(smsc, writer, unit)
        await smsc.until(lambda: len(told) == 4)
        assert told[2:] == [(0, OutcomeKind.ACCEPTED), (1, OutcomeKind.ACCEPTED)]
