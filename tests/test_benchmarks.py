"""What the benchmarks measure holds, as ratios within one run and with a margin of 2."""

import pytest

from benchmarks.overhead import TARGET, compare, mean
from tests.town import pointed_at_a_stand_in


@pytest.mark.check
async def test_wake_ups_answer_many_times_sooner_than_a_poll_each_second() -> None:
    async with pointed_at_a_stand_in():
        woken, polled = await compare(60, 10)
    assert len(woken) == 60
    assert len(polled) == 10
    assert mean(polled) / mean(woken) >= TARGET / 2
