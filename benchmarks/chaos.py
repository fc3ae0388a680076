"""Chaos: each question is answered once, whatever fails, as members see it.

Real docbots, one that acts and one that stands by, a real Postgres and a model's endpoint, with
faults drawn from a seed: kills of docbot and Postgres, and all that can go wrong on Discord's side
and the model's. The verdict is made from the messages on the stand-in of Discord alone.

    python -m benchmarks.chaos [--questions N] [--kills N] [--crashes N] [--seed S]

It runs in rounds, each with a Discord and a database of its own, and writes each round's result to
a file: stopped and started again, it goes on with the round it was in.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.cases import Finding
from benchmarks.planted_bot import PLANTS
from benchmarks.round import Plan, Result, run_round
from benchmarks.schedule import split
from benchmarks.table import Line, print_table
from docbot.telemetry import set_up_logging

_PLANT_PATIENCE = 15.0  # seconds


def planted(plan: Plan, name: str) -> Plan:
    """The same with a fault planted in docbot; what it loses is not waited for as long."""
    return replace(plan, command=("benchmarks.planted_bot", name), patience=_PLANT_PATIENCE)


def rounds(seed: int, total: int, kills: int, crashes: int, size: int) -> list[Plan]:
    """Cut a run into rounds of about `size` questions, each with a seed of its own."""
    count = max(round(total / size), 1)
    shares = zip(split(total, count), split(kills, count), split(crashes, count), strict=True)
    return [Plan(f"{seed}.{number}", *share) for number, share in enumerate(shares, start=1)]


def lines(results: Sequence[Result], seed: int) -> list[Line]:
    strikes: Counter[str] = Counter()
    for result in results:
        strikes.update(result.strikes)
    wrong = Counter(finding.wrong for result in results for finding in result.findings)
    return [
        Line("Seed", str(seed)),
        Line("Questions", f"{sum(result.questions for result in results):,}"),
        Line("Messages of docbot's", f"{sum(result.messages for result in results):,}"),
        *(Line(f"Strikes: {name}", str(strikes[name])) for name in sorted(strikes)),
        Line("Lost", str(wrong["lost"]), "0"),
        Line("Doubled", str(wrong["doubled"]), "0"),
        Line("Out of order", str(wrong["out of order"]), "0"),
        Line("In the wrong thread", str(wrong["misplaced"]), "0"),
        Line("Rows that never ended", str(sum(result.stuck for result in results)), "0"),
        Line("Bad exits", str(sum(map(bool, (e for r in results for e in r.exits)))), "0"),
        Line(
            "From question to answer, faults and all: p50 / p95 / most",
            " / ".join(f"{each:.1f} s" for each in _percentiles(results)),
        ),
        Line("Hours", f"{sum(result.seconds for result in results) / 3600:.2f}"),
    ]


def _percentiles(results: Sequence[Result]) -> list[float]:
    waited = sorted(waited for result in results for waited in result.waited) or [0.0]
    return [waited[int(share * (len(waited) - 1))] for share in (0.5, 0.95, 1)]


def _read(file: Path) -> list[Result]:
    if not file.exists():
        return []
    read = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        Result(**{**one, "findings": [Finding(**each) for each in one["findings"]]}) for one in read
    ]


def _tell(result: Result, logs: Path) -> None:
    state = "clean" if result.is_clean else "NOT CLEAN"
    print(f"round {result.seed}: {state}, {result.seconds:.0f} s", file=sys.stderr, flush=True)
    for finding in result.findings[:20]:
        print(f"  {finding}", file=sys.stderr, flush=True)
    if not result.is_clean:
        detail = f"stuck {result.stuck}, exits {result.exits}, {result.violations[:3]}"
        print(f"  {detail}; logs in {logs}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200, help="of docbot")
    parser.add_argument("--crashes", type=int, default=20, help="of Postgres")
    parser.add_argument("--seed", type=int, default=7110)
    parser.add_argument("--size", type=int, default=500, help="questions of a round")
    parser.add_argument("--minutes", type=float, default=120, help="begin no round after these")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"), help="results and logs")
    parser.add_argument("--again", action="store_true", help="forget the rounds that are done")
    parser.add_argument("--plant", choices=list(PLANTS), help="put this fault into docbot first")
    chosen = parser.parse_args()
    set_up_logging("critical", "text")  # that a client was killed is no news here
    what = [chosen.seed, chosen.questions, chosen.kills, chosen.crashes, chosen.plant or "as it is"]
    file = chosen.folder / f"{'-'.join(map(str, what)).replace(' ', '-')}.jsonl"
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.again:
        file.unlink(missing_ok=True)
    results = _read(file)
    until = time.monotonic() + 60 * chosen.minutes
    plans = rounds(chosen.seed, chosen.questions, chosen.kills, chosen.crashes, chosen.size)
    if chosen.plant:
        plans = [planted(plan, chosen.plant) for plan in plans]
    for plan in plans[len(results) :]:
        if time.monotonic() > until:
            break
        logs = (chosen.folder / plan.seed).absolute()
        logs.mkdir(exist_ok=True)
        results.append(asyncio.run(run_round(plan, logs)))
        with file.open("a") as sink:
            sink.write(json.dumps(asdict(results[-1])) + "\n")
        _tell(results[-1], logs)
    print_table(lines(results, chosen.seed))
    left = len(plans) - len(results)
    if left:
        print(f"\n{left} of {len(plans)} rounds are left: start it again to go on.")
    sys.exit(not all(result.is_clean for result in results))


if __name__ == "__main__":
    main()
