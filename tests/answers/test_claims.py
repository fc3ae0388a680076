import pytest

from docbot.answers.claims import fault, says_something
from docbot.answers.ground import Ground
from tests.answers.passages import passage

TEXT = """
Tasks are retried when they fail. The default number of retries is 3, and 0 disables retries.
The memory monitor is enabled by default and can be disabled with a variable. It checks every 250 ms.
Nothing is written to disk. The driver for MySQL is supported. MariaDB is not supported at all.
Objects are removed after two hours. A cache holds 4096 entries.

If you don't want the dashboard, start it with the `no-dashboard` option. Then no port is opened.
"""
GROUND = Ground([passage(1, title="Sensors", heading="Tasks", text=TEXT)])


def found(sentence: str, question: str = "") -> str | None:
    return fault(sentence, [GROUND], question)


@pytest.mark.parametrize(
    "sentence",
    [
        "A failed task is retried.",
        "By default a task is retried 3 times.",
        "Set it to 0 to turn retries off.",
        "The memory monitor is on by default and checks every 250 milliseconds.",
        "Objects get removed after 2 hours.",
        "The cache holds 4,096 entries.",
        "MySQL's driver is supported.",
        "MariaDB isn't supported.",
        "MariaDB lacks support.",
        "To go without a dashboard, use its `no-dashboard` option.",
        "Step 9: disable the memory monitor.",
        "Yes.",
    ],
)
def test_what_a_passage_says_in_other_words_is_borne_out(sentence: str) -> None:
    assert found(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("By default a task is retried 5 times.", "5 is not there"),
        ("The cache holds 40 entries.", "40 is not there"),
        ("MariaDB is supported.", "it is denied there"),
        ("The monitor encrypts the bucket.", "its words are not there"),
        ("Certificates are renewed by a cron job.", "its words are not there"),
    ],
)
def test_what_a_passage_does_not_say_or_denies_is_not(sentence: str, reason: str) -> None:
    assert found(sentence) == reason


def test_a_number_of_the_question_is_known() -> None:
    assert found("A failed task is retried 7 times.", "How do I retry a task 7 times?") is None


def test_what_is_denied_under_a_condition_is_not_denied() -> None:
    assert found("Want the dashboard? Start it with this option.") is None


def test_code_denies_nothing() -> None:
    ground = Ground([passage(text="Assets are imported with the `no-inline` suffix.")])
    assert fault("Assets are imported with this suffix.", [ground], "") is None


def test_a_sentence_may_rest_on_two_passages() -> None:
    other = Ground([passage(2, text="Logs are kept in the cloud bucket.")])
    both = "Failed tasks run again; logs are kept in the cloud bucket."
    assert fault(both, [GROUND, other], "") is None
    assert fault(both, [GROUND], "") == "its words are not there"


def test_words_that_stand_far_apart_bear_nothing_out() -> None:
    ends = ["The red fox sleeps.", *["Filler of another matter."] * 6, "The blue whale swims."]
    ground = Ground([passage(title="Animals", heading="Kinds", text=" ".join(ends))])
    assert fault("The red fox sleeps.", [ground], "") is None
    assert fault("A fox in a zoo meets a whale in a lake.", [ground], "") is not None


def test_words_of_the_question_and_of_every_lead_claim_nothing() -> None:
    question = "How are tasks retried?"
    assert not says_something("Do it like this:", question)
    assert not says_something("There are two ways to retry tasks:", question)
    assert says_something("Tasks sleep for hours in between.", question)
    assert says_something("Set `max_retries`.", question)
    assert says_something("It waits 3 seconds.", question)
