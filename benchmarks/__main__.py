"""Measures everything and prints one table for the README; some minutes on two cores."""

import asyncio
import os
import platform

from benchmarks import burst, footprint, interactions, overhead
from benchmarks.house import open_house
from benchmarks.table import Line, print_table
from docbot.telemetry import set_up_logging

_POSTS, _POLLED = 300, 40
_BURST, _LIMITED = 1_000, 500
_ASKED = 50


async def measure() -> list[Line]:
    small, large = footprint.SIZES
    async with open_house(large) as house:
        replies = await overhead.measure(house, _POSTS, _POLLED)
        at_large = await footprint.measure(house, _ASKED)
        bursts = await burst.measure(house, _BURST, _LIMITED)
        acknowledged = await interactions.measure(house, interactions.CALLS, interactions.IN_FLIGHT)
    async with open_house(small) as house:
        at_small = await footprint.measure(house, _ASKED)
    return [
        *replies.lines(),
        *bursts.lines(),
        *acknowledged.lines(),
        *at_small.lines(),
        *at_large.lines(),
        *footprint.compared([at_small, at_large]),
        *footprint.installed_lines(),
    ]


def main() -> None:
    set_up_logging("error", "text")
    before = os.getloadavg()[0]
    lines = asyncio.run(measure())
    print_table(lines)
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, "
        f"load before {before:.1f}; of an idle machine it is near 0."
    )


if __name__ == "__main__":
    main()
