"""Whether a post asks what a solved thread asked: the same in other words, or only something near."""

from collections import Counter
from dataclasses import replace

import pytest

from docbot.answers.already import already_solved, beginning_with
from docbot.answers.answer import Answer, cites
from docbot.answers.prompt import QuestionText
from docbot.answers.write import write as messages_of
from docbot.retrieval.lexical import document_vector
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import SearchResult
from docbot.retrieval.vocabulary import Vocabulary
from tests.answers.passages import found, passage

# What threads and pages of such a project are about, for how rare a word is.
TEXTS = (
    "Deploy the scheduler and the webserver with docker compose. Set AIRFLOW_UID first.",
    "A task instance can be cleared to run again, in the grid or with the command line.",
    "Retries: a failed task is tried again after `retry_delay`, as often as `retries` says.",
    "Variables and connections are set in the interface, the environment or a secrets backend.",
    "The Celery executor needs a broker. Tasks stay queued while no worker listens to the queue.",
    "The scheduler starts a run after the end of its data interval. A schedule is a cron preset.",
    "Modules are found in the folders of dags, plugins and config. Put packages into the image.",
    "XComs pass small values between tasks; the return value of a task is pushed by itself.",
    "Upgrading: read the notes, back up the database, install the version, migrate.",
    "Logs of remote workers are read through the webserver or from a bucket.",
    "The dag processor parses each file; a file that fails shows an import error.",
    "Pools limit how many tasks run at once; priority weights say which one is first.",
    "Install providers into the image; the docker compose file names the image to build.",
    "The docker compose file mounts the folders of dags, logs and plugins into each service.",
    "Airflow on docker: how the compose file starts a database, a broker and Airflow's services.",
    "Custom settings go into the environment of the docker compose file, one for each service.",
)
ALIKE = [
    (
        ("How do I clear a failed task?", "I want it to run again."),
        ("clear failed task instance", "how can i rerun it"),
    ),
    (
        (
            "Cannot import my module in a DAG",
            "ModuleNotFoundError: No module named 'utils' in docker",
        ),
        ("No module named utils in dag file", "I get ModuleNotFoundError when I import my module."),
    ),
    (
        ("How do I use a variable in a connection?", "It is to hold the password."),
        ("use airflow variables within connections", "For passwords."),
    ),
    (
        ("Tasks stay queued with CeleryExecutor", "The worker is up and nothing is in its log."),
        ("tasks stay in queued forever, CeleryExecutor", "The worker does not pick them up."),
    ),
]
NEAR = [
    (
        ("How do I clear a failed task?", "I want it to run again."),
        ("How do I retry a failed task automatically?", "It should run again three times."),
    ),
    (
        ("Add a user to the image when running with docker compose", "For each of the services."),
        ("How to set connections and variables with docker compose", "Of the environment."),
    ),
    (
        ("How to pass xcom between tasks", "I return a value in the first task."),
        ("How to pass parameters to a dag run", "From the command line."),
    ),
    (
        ("How to upgrade airflow?", "We have 2.2 and want 2.5."),
        ("Upgrade python in airflow", "We have 3.7 and want 3.11."),
    ),
    (
        ("Tasks stay queued with CeleryExecutor", "The worker is up and nothing is in its log."),
        ("CeleryExecutor: the worker exits while tasks run", "It logs that it lost the broker."),
    ),
    (("Error when I start it", "It does not work."), ("Error when I stop it", "It does not work.")),
]


def vocabulary(*texts: str) -> Vocabulary:
    holding = Counter(term for text in texts for term in document_vector("", (), "", text).ids)
    return Vocabulary.counted(len(texts), holding)


def searched(*passages: Passage) -> SearchResult:
    solved = [f"{each.title} {each.solved}" for each in passages if each.solved is not None]
    return replace(found(passages), vocabularies=[vocabulary(*TEXTS), vocabulary(*solved)])


def solved_passage(title: str, body: str, rank: int = 1, dense: float | None = None) -> Passage:
    url = f"https://discord.com/channels/1/{rank}/9"
    return replace(
        passage(rank, title=title, text="It needs a restart.", url=url, dense=dense, solved=body),
        heading_path=(),
    )


@pytest.mark.parametrize(("known", "asked"), ALIKE)
def test_a_post_that_asks_the_same_is_known(known: tuple[str, str], asked: tuple[str, str]) -> None:
    thread = solved_passage(*known)
    assert already_solved(QuestionText(*asked), searched(passage(2), thread)) == thread


@pytest.mark.parametrize(("known", "asked"), NEAR)
def test_a_post_that_asks_something_near_is_not(
    known: tuple[str, str], asked: tuple[str, str]
) -> None:
    assert already_solved(QuestionText(*asked), searched(solved_passage(*known))) is None


def test_the_thread_most_like_it_is_chosen() -> None:
    (known, asked), (other, _) = ALIKE[0], ALIKE[3]
    threads = [solved_passage(*other, rank=1), solved_passage(*known, rank=2)]
    assert already_solved(QuestionText(*asked), searched(*threads)) == threads[1]


def test_half_the_words_are_enough_where_nothing_else_is_as_near_by_meaning() -> None:
    known = "Worker does not start in docker compose", "It says permission denied."
    asked = QuestionText("docker compose: the worker exits at once", "permission denied in its log")
    far, near = (passage(2, dense=dense) for dense in (0.4, 0.72))
    thread = solved_passage(*known, dense=0.75)
    assert already_solved(asked, searched(thread, far)) == thread
    assert already_solved(asked, searched(thread, near)) is None
    assert already_solved(asked, searched(replace(thread, dense=None), far)) is None


def test_documentation_is_no_solved_thread() -> None:
    page = passage(title="How do I clear a failed task?")
    assert already_solved(QuestionText("How do I clear a failed task?", ""), searched(page)) is None


def write(answer: Answer) -> list[str]:
    return [message.content for message in messages_of(answer)]


THREAD = solved_passage("How do I clear a failed task?", "")
LINK = "Already solved here: [How do I clear a failed task?](<https://discord.com/channels/1/1/9>)"


def test_an_answer_begins_with_the_link() -> None:
    page = passage(2)
    answer = Answer("answer", "Clear it [1].", (cites(1, page),))
    [message] = write(beginning_with(answer, THREAD))
    assert message == (
        f"{LINK}\n\nClear it [1].\n\n**Sources**\n"
        "[1] [Configuration › Retries](<https://docs.example/page2#retries>)"
    )


def test_pages_that_may_help_are_named_below_and_the_thread_once() -> None:
    citations = (cites(1, THREAD), cites(2, passage(2)))
    answer = beginning_with(Answer("suggest", "These pages may help:", citations), THREAD)
    [message] = write(answer)
    assert message == (
        f"{LINK}\n\nThese pages may help:\n"
        "[1] [Configuration › Retries](<https://docs.example/page2#retries>)"
    )


def test_where_docbot_would_be_silent_it_gives_the_link_alone() -> None:
    answer = beginning_with(Answer("abstain", "I found nothing.", note="nothing"), THREAD)
    assert (answer.lane, write(answer)) == ("suggest", [LINK])


def test_a_title_is_inert_within_the_link() -> None:
    hostile = solved_passage("@everyone [x](https://evil.test) `", "")
    [message] = write(beginning_with(Answer("abstain", ""), hostile))
    assert "@everyone" not in message
    assert "https://evil.test" not in message


def test_a_solved_thread_is_named_as_one_and_documentation_where_there_is_more() -> None:
    docs, other = passage(1), passage(2, source="api")
    [message] = write(Answer("answer", "So [1][2].", (cites(1, docs), cites(2, THREAD))))
    assert message == (
        "So [1][2].\n\n**Sources**\n[1] [Configuration › Retries](<https://docs.example/page1#retries>)\n"
        "[2] [How do I clear a failed task?](<https://discord.com/channels/1/1/9>) (solved thread)"
    )
    several = Answer("answer", "So.", (cites(1, docs), cites(2, other), cites(3, THREAD)))
    assert [line.rpartition(" ")[2] for line in write(several)[0].splitlines()[-3:]] == [
        "(docs)",
        "(api)",
        "thread)",
    ]
