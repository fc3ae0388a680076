"""Which fault strikes when: drawn from a seed, so that a run can be had again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

# Each strikes once in every hundred questions.
Trouble = Literal[
    "reset before the effect",
    "reset after the effect",
    "429 of a route",
    "429 of all routes",
    "429 of Cloudflare's",
    "5xx before the effect",
    "5xx after the effect",
    "slow REST",
    "gateway closed, resumable",
    "gateway closed, session forgotten",
    "gateway's connection cut",
    "gateway asks to reconnect",
    "session invalid, resumable",
    "session invalid, to identify anew",
    "events doubled",
    "events reversed",
    "model slow",
    "model cut off",
    "model answers an error",
    "model answers garbage",
]
Strike = (
    Trouble
    | Literal["docbot killed", "Postgres killed", "Postgres stopped at once", "model silent"]
)
_TROUBLE_EVERY = 100  # questions
_SILENCE_EVERY = 500  # questions; each lasts longer than docbot waits for a model


@dataclass(frozen=True, slots=True)
class Struck:
    """`after` so many questions were asked; `draw` seeds what else there is to choose."""

    after: int
    strike: Strike
    draw: int


def schedule(seed: str, questions: int, kills: int, crashes: int) -> list[Struck]:
    """Spread the strikes over the questions, in the order in which they fall."""
    draw = random.Random(seed)
    strikes: list[Strike] = ["docbot killed"] * kills
    first = draw.randint(0, 1)
    strikes += [
        "Postgres killed" if number % 2 else "Postgres stopped at once"
        for number in range(first, first + crashes)
    ]
    strikes += ["model silent"] * (questions // _SILENCE_EVERY)
    rounds = max(questions // _TROUBLE_EVERY, 1)
    strikes += [trouble for trouble in get_args(Trouble) for _ in range(rounds)]
    drawn = [Struck(draw.randrange(questions), strike, draw.getrandbits(32)) for strike in strikes]
    return sorted(drawn, key=lambda struck: struck.after)


def split(total: int, rounds: int) -> Sequence[int]:
    """Share out so many over the rounds, as evenly as can be."""
    return [total * (n + 1) // rounds - total * n // rounds for n in range(rounds)]
