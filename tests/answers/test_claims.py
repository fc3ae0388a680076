import pytest

from docbot.answers.claims import judged
from docbot.answers.ground import Ground
from tests.answers.passages import passage

TEXT = """
Tasks are retried when they fail. The default number of retries is 3, and 0 disables retries.
The memory monitor is enabled by default and can be disabled with a variable. It checks every 250 ms.
Nothing is written to disk. The driver for MySQL is supported. MariaDB is not supported at all.
Objects are removed after 2 hours. The disk may be full up to 0.95 (95%). A cache holds 4 KiB.

- `poke` (default): the sensor takes up a worker slot for its entire runtime.
- `reschedule`: the sensor takes up a slot only when it checks.

The dev server runs in `development` mode by default, and the build runs in `production` mode.
"""
GROUND = Ground([passage(1, title="Sensors", heading="Tasks", text=TEXT)])


def fault(sentence: str) -> str | None:
    return judged(sentence, [GROUND], frozenset()).fault


@pytest.mark.parametrize(
    "sentence",
    [
        "A failed task is retried.",
        "By default a task is retried 3 times.",
        "Set it to 0 to turn retries off.",
        "The memory monitor is enabled by default.",
        "It checks every 0.25 seconds.",
        "Objects get deleted after 120 minutes.",
        "The disk may be filled up to 95 percent.",
        "MySQL's driver is supported.",
        "MariaDB isn't supported.",
        "In `poke` mode, the default, a sensor occupies a worker slot for its whole runtime.",
        "By default the dev server runs in `development` mode.",
        "Yes.",
    ],
)
def test_what_a_passage_says_in_other_words_is_borne_out(sentence: str) -> None:
    assert fault(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "By default a task is retried 5 times.",
        "The memory monitor is disabled by default.",
        "It checks every 250 seconds.",
        "Objects are removed after 2 days.",
        "MySQL's driver is not supported.",
        "MariaDB is supported.",
        "The default mode is `reschedule`.",
        "By default the dev server runs in `production` mode.",
        "Tasks are retried when the network is slow, with exponential backoff.",
        "The monitor encrypts the disk.",
    ],
)
def test_what_a_passage_does_not_say_or_denies_is_not(sentence: str) -> None:
    assert fault(sentence) is not None


def test_a_sentence_may_rest_on_two_passages() -> None:
    other = Ground([passage(2, text="Logs are kept in the cloud bucket.")])
    both = "Failed tasks are retried, and their logs are kept in the cloud bucket."
    assert judged(both, [GROUND, other], frozenset()).fault is None
    assert judged(both, [GROUND], frozenset()).fault is not None


def test_words_that_stand_far_apart_bear_nothing_out() -> None:
    assert fault("The production build removes objects of the MySQL driver.") is not None
