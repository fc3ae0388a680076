"""What is stored follows what is read: nothing is lost, nothing stays that is gone, nothing is done twice."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from hashlib import blake2b

import pytest

from docbot.db.addresses import Addresses
from docbot.db.chunks import Chunks
from docbot.db.generations import Built, Generations
from docbot.db.pool import Pool
from docbot.db.sources import PageRow, Source, Sources, Uncut
from docbot.db.syncs import Begun, Syncs
from docbot.errors import PermanentError
from docbot.knowledge.html.convert import Converted
from docbot.knowledge.memory import Known
from docbot.knowledge.pages import Failure, Missed, Nothing, Page, Result, Unchanged, page_of
from docbot.knowledge.sync import (
    RESUMABLE_HOURS,
    Stored,
    StoredMemory,
    Summary,
    cut_anew,
    cut_page,
    store,
)

ROOT = "https://docs.example.org/"


class StoppedError(Exception):
    """Stands for a kill in the middle of a sync."""


def page(name: str, text: str = "Says this.", *, read_from: str | None = None) -> Page:
    converted = Converted(name.title(), f"# {name.title()}\n\n{text}\n")
    return replace(
        page_of(converted, ROOT + name),
        read_from=read_from or ROOT + name,
        body_hash=blake2b(text.encode(), digest_size=16).digest(),
        etag=f'"{text}"',
        links=(ROOT,),
    )


def gone(name: str) -> Failure:
    return Failure(ROOT + name, f"{ROOT}{name} answered 404", is_gone=True, read_from=ROOT + name)


def failing(name: str) -> Failure:
    return Failure(ROOT + name, "answered 503", is_transient=True, read_from=ROOT + name)


class Shelf:
    """One source on a real Postgres, and what a sync of it does."""

    def __init__(self, pool: Pool, source: Source) -> None:
        self.pool = pool
        self.source = source
        self.stored = Stored(Sources(pool), Addresses(pool), Syncs(pool))
        self.asked: list[tuple[int, int]] = []

    async def begin(self, *, full: bool = False) -> Begun:
        return await self.stored.syncs.begin(
            self.source.id, is_full=full, resumable_hours=RESUMABLE_HOURS
        )

    async def sync(
        self, *results: Result, may: bool = False, full: bool = False, stop: bool = False
    ) -> Summary:
        async def may_remove(doomed: int, pages: int) -> bool:
            self.asked.append((doomed, pages))
            return may

        return await store(
            self.source,
            self.stored,
            await self.begin(full=full),
            _given(results, stop=stop),
            progress=lambda _: None,
            may_remove=may_remove,
        )

    async def unchanged(self, *names: str) -> list[Unchanged]:
        """What a crawl gives for addresses that answered 304."""
        return [Unchanged(ROOT + name, await self.recall(name)) for name in names]

    async def recall(self, name: str, sync: Begun | None = None) -> Known:
        sync = sync or Begun(0, False, False, (await self.begin()).counts)
        known = await StoredMemory(self.stored.addresses, self.source.id, sync).recall(ROOT + name)
        assert known is not None
        return known

    async def pages(self) -> set[str]:
        hashes = await self.stored.sources.page_hashes(self.source.id)
        return {url.removeprefix(ROOT) for url in hashes}

    async def chunks(self) -> dict[int, str]:
        """What an index built now would hold, by id."""
        rows = await self.pool.fetch("SELECT id, text FROM chunks WHERE position IS NOT NULL")
        return {row["id"]: row["text"] for row in rows}

    async def readable_chunks(self) -> set[int]:
        return {row["id"] for row in await self.pool.fetch("SELECT id FROM chunks")}


async def _given(results: Iterable[Result], *, stop: bool) -> AsyncIterator[Result]:
    for result in results:
        yield result
    if stop:
        raise StoppedError


@pytest.fixture
async def shelf(pool: Pool) -> Shelf:
    return Shelf(pool, await _source(pool, "website", ROOT))


async def _source(pool: Pool, kind: str, location: str) -> Source:
    await Sources(pool).add(name="docs", kind=kind, location=location, base_url=None)
    [source] = await Sources(pool).all()
    return source


async def test_a_page_that_did_not_change_is_neither_written_nor_cut(shelf: Shelf) -> None:
    first = await shelf.sync(page("a"), page("b"))
    assert (first.added, first.read) == (2, 2)
    before = await shelf.chunks()
    again = await shelf.sync(*await shelf.unchanged("a", "b"))
    assert (again.unchanged, again.added, again.changed, again.deleted) == (2, 0, 0, 0)
    assert await shelf.chunks() == before
    assert (await shelf.recall("a")).etag == '"Says this."'


async def test_a_page_of_the_same_content_under_another_body_is_unchanged(shelf: Shelf) -> None:
    await shelf.sync(page("a"))
    other_body = replace(page("a"), body_hash=b"another", etag='"new"')
    summary = await shelf.sync(other_body)
    assert (summary.unchanged, summary.changed) == (1, 0)
    assert (await shelf.recall("a")).etag == '"new"'


async def test_of_a_changed_page_only_the_changed_chunks_are_new(shelf: Shelf) -> None:
    body = "\n\n".join(f"## Part {n}\n\n" + f"Word {n}. " * 150 for n in range(4))
    await shelf.sync(page("a", body))
    before = await shelf.chunks()
    assert len(before) == 4
    summary = await shelf.sync(page("a", body.replace("Word 2.", "Other 2.", 1)))
    after = await shelf.chunks()
    assert (summary.changed, len(after.keys() - before.keys())) == (1, 1)


async def test_what_is_gone_is_found_until_an_index_without_it_is_in_use(
    shelf: Shelf, pool: Pool
) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    before = await shelf.chunks()
    summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"), gone("d"))
    assert (summary.deleted, await shelf.pages()) == (1, {"a", "b", "c"})
    after = await shelf.chunks()
    assert len(after) == 3
    assert await shelf.readable_chunks() == before.keys()

    generations = Generations(pool)
    name = await generations.begin(lexical_version=1, embedding_model=None, dimensions=0)
    await generations.switch(name, Built(3, max(after)))
    assert await shelf.readable_chunks() == after.keys()
    assert await pool.fetchval("SELECT count(*) FROM pages") == 3


async def test_a_page_that_comes_back_before_that_is_as_if_it_had_stayed(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    before = await shelf.chunks()
    await shelf.sync(*await shelf.unchanged("a", "b", "c"), gone("d"))
    await shelf.sync(*await shelf.unchanged("a", "b", "c"), page("d"))
    assert (await shelf.pages(), len(await shelf.chunks())) == (set("abcd"), len(before))


async def test_a_page_that_nothing_names_any_more_goes_with_the_second_sync(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    first = await shelf.sync(*await shelf.unchanged("a", "b", "c"), Missed(ROOT + "d"))
    assert (first.deleted, first.kept, await shelf.pages()) == (0, 1, set("abcd"))
    second = await shelf.sync(*await shelf.unchanged("a", "b", "c"), Missed(ROOT + "d"))
    assert (second.deleted, await shelf.pages()) == (1, set("abc"))


async def test_a_page_that_is_named_again_starts_from_nothing(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    missed, [named] = Missed(ROOT + "d"), await shelf.unchanged("d")
    for last in (missed, named, missed):
        assert (await shelf.sync(*await shelf.unchanged("a", "b", "c"), last)).deleted == 0
    assert await shelf.pages() == set("abcd")


async def test_nothing_counts_as_missed_while_an_address_could_never_be_read(
    shelf: Shelf, pool: Pool
) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    for _ in range(3):
        summary = await shelf.sync(
            *await shelf.unchanged("a", "b", "c"), failing("new"), Missed(ROOT + "d")
        )
        assert (summary.deleted, summary.kept) == (0, 1)
    assert await shelf.pages() == set("abcd")
    # What fails for longer than a week is waited for no more, and still told.
    await pool.execute(
        "UPDATE addresses SET failed_at = now() - interval '8 days' WHERE failure > ''"
    )
    for deleted in (0, 1, 0):
        names = await shelf.unchanged("a", "b", "c")
        summary = await shelf.sync(*names, failing("new"), Missed(ROOT + "d"))
        assert (summary.deleted, len(summary.failures)) == (deleted, 1)
    assert await shelf.pages() == set("abc")


async def test_a_page_that_fails_keeps_no_other_one_that_nothing_names(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    for deleted in (0, 1):
        summary = await shelf.sync(
            *await shelf.unchanged("b", "c"), failing("a"), Missed(ROOT + "d")
        )
        assert (summary.deleted, len(summary.failures)) == (deleted, 1)
    assert await shelf.pages() == set("abc")


async def test_a_sync_that_was_killed_counts_once_what_nothing_names(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    sync = await shelf.begin()
    await shelf.stored.addresses.miss(shelf.source.id, sync.id, [ROOT + "d"])  # killed here
    summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"), Missed(ROOT + "d"))
    assert (summary.is_resumed, summary.deleted) == (True, 0)
    assert await shelf.pages() == set("abcd")


async def test_a_page_stays_for_as_long_as_one_address_gives_it(shelf: Shelf) -> None:
    await shelf.sync(page("a"), page("b"), page("b", read_from=ROOT + "b.html"), page("c"))
    summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"), gone("b.html"))
    assert (summary.deleted, await shelf.pages()) == (0, set("abc"))


async def test_a_page_that_moved_leaves_its_old_address(shelf: Shelf) -> None:
    await shelf.sync(page("a"), page("b"), page("c"), page("d", read_from=ROOT + "x"))
    summary = await shelf.sync(
        *await shelf.unchanged("a", "b", "c"), page("e", read_from=ROOT + "x")
    )
    assert (summary.added, summary.deleted, await shelf.pages()) == (1, 1, set("abce"))


async def test_a_page_that_cannot_be_read_keeps_its_content_for_a_week(
    shelf: Shelf, pool: Pool
) -> None:
    await shelf.sync(*(page(name) for name in "abcd"))
    for _ in range(2):
        summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"), failing("d"))
        assert (summary.deleted, len(summary.failures)) == (0, 1)
    assert await shelf.stored.addresses.failures(shelf.source.id, 9) == [
        (ROOT + "d", "answered 503")
    ]
    await pool.execute(
        "UPDATE addresses SET failed_at = now() - interval '8 days' WHERE failure > ''"
    )
    summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"), failing("d"))
    assert (summary.deleted, await shelf.pages()) == (1, set("abc"))
    known = await shelf.recall("d")  # nothing of it is asked for with what is not stored
    assert (known.page_url, known.etag, known.body_hash) == (None, None, None)
    assert (
        len((await shelf.sync(*await shelf.unchanged("a", "b", "c"), failing("d"))).failures) == 1
    )
    assert (await shelf.sync(*await shelf.unchanged("a", "b", "c"), page("d"))).added == 1


async def test_a_page_that_can_be_read_again_fails_no_more(shelf: Shelf) -> None:
    await shelf.sync(page("a"), page("b"))
    await shelf.sync(*await shelf.unchanged("a"), failing("b"))
    await shelf.sync(*await shelf.unchanged("a", "b"))
    assert await shelf.stored.addresses.failures(shelf.source.id, 9) == []


async def test_more_than_30_percent_go_only_when_somebody_says_yes(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abc"))
    held = await shelf.sync(*await shelf.unchanged("a", "b"), gone("c"), page("new"))
    assert (held.held, held.deleted, held.added) == (1, 0, 1)
    assert await shelf.pages() == {"a", "b", "c", "new"}
    last = (await shelf.stored.syncs.last([shelf.source.id]))[shelf.source.id]
    assert (last.outcome, last.reason) == ("held", "1 of 3 pages would be removed")
    removed = await shelf.sync(*await shelf.unchanged("a", "b", "new"), gone("c"), may=True)
    assert removed.deleted == 1
    assert shelf.asked == [(1, 3)]  # one of four is no more than 30 %


async def test_a_sync_that_finds_nothing_removes_nothing(shelf: Shelf) -> None:
    await shelf.sync(page("a"))
    with pytest.raises(PermanentError, match="no page with text"):
        await shelf.sync(gone("a"))
    assert await shelf.pages() == {"a"}


async def test_a_sync_that_was_killed_goes_on_where_it_was(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abc"))
    old = await shelf.unchanged("a")
    with pytest.raises(StoppedError):
        await shelf.sync(page("b", "New."), *old, page("c"), stop=True)
    assert (await shelf.recall("b", await shelf.begin())).is_settled
    assert (await shelf.recall("c", await shelf.begin())).is_settled
    sync = await shelf.begin()
    assert sync.is_resumed
    settled = [Unchanged(ROOT + name, await shelf.recall(name, sync)) for name in "bc"]
    summary = await shelf.sync(*settled, *old)
    assert summary.is_resumed
    assert (summary.changed, summary.unchanged, summary.read) == (1, 2, 3)
    assert not (await shelf.begin()).is_resumed


async def test_a_full_sync_asks_for_every_body(shelf: Shelf) -> None:
    await shelf.sync(page("a"))
    known = await shelf.recall("a", await shelf.begin(full=True))
    assert (known.etag, known.body_hash, known.page_url) == (None, None, ROOT + "a")


async def test_a_full_sync_counts_as_changed_what_changed(shelf: Shelf) -> None:
    await shelf.sync(page("a"), page("b"))
    summary = await shelf.sync(page("a"), page("b", "New."), page("c"), full=True)
    assert (summary.added, summary.changed, summary.unchanged, summary.read) == (1, 1, 1, 3)


async def test_a_resumed_sync_asks_by_the_pages_there_were_before_it_began(shelf: Shelf) -> None:
    await shelf.sync(*(page(name) for name in "abcdef"))
    with pytest.raises(StoppedError):
        await shelf.sync(*(page(name) for name in "uvwxyz"), stop=True)
    held = await shelf.sync(
        *await shelf.unchanged("a", "b", "c", "d", *"uvwxyz"), gone("e"), gone("f")
    )
    assert (held.held, shelf.asked) == (2, [(2, 6)])


async def test_the_validators_that_the_same_body_comes_with_later_are_asked_with(
    shelf: Shelf,
) -> None:
    await shelf.sync(page("a"), page("b"))
    known = replace(await shelf.recall("a"), etag='"built anew"', last_modified="today")
    await shelf.sync(Unchanged(ROOT + "a", known, has_new_validators=True))
    again = await shelf.recall("a")
    assert (again.etag, again.last_modified) == ('"built anew"', "today")


async def test_a_page_that_an_older_docbot_removed_is_read_anew(shelf: Shelf, pool: Pool) -> None:
    await shelf.sync(page("a"), page("b"))
    await pool.execute("DELETE FROM pages WHERE url = $1", ROOT + "a")
    known = await shelf.recall("a")
    assert (known.etag, known.body_hash, known.is_settled) == (None, None, False)


async def test_what_another_converter_read_is_read_anew(shelf: Shelf, pool: Pool) -> None:
    await shelf.sync(page("a"))
    await pool.execute("UPDATE addresses SET converter = converter - 1")
    known = await shelf.recall("a")
    assert (known.etag, known.body_hash) == (None, None)


async def test_an_address_without_a_page_is_remembered_and_said_each_time(shelf: Shelf) -> None:
    nothing = Nothing(ROOT + "empty", '"e"', None, b"hash", note="holds no text")
    first = await shelf.sync(page("a"), nothing)
    again = await shelf.sync(*await shelf.unchanged("a", "empty"))
    for summary in (first, again):
        assert [failure.reason for failure in summary.failures] == ["holds no text"]
    assert (await shelf.recall("empty")).etag == '"e"'
    await shelf.sync(*await shelf.unchanged("a"))  # nothing leads there any more
    assert await pool_addresses(shelf) == {ROOT + "a"}


async def pool_addresses(shelf: Shelf) -> set[str]:
    return {row["address"] for row in await shelf.pool.fetch("SELECT address FROM addresses")}


async def test_what_a_folder_lacks_is_gone_at_once(pool: Pool) -> None:
    shelf = Shelf(pool, await _source(pool, "folder", "/docs"))
    await shelf.sync(*(page(name) for name in "abcd"))
    summary = await shelf.sync(*await shelf.unchanged("a", "b", "c"))
    assert (summary.deleted, await shelf.pages()) == (1, set("abc"))


async def test_pages_that_another_chunker_cut_are_cut_anew_from_what_is_stored(
    shelf: Shelf, pool: Pool
) -> None:
    await shelf.sync(*(page(name) for name in "abc"))
    before = await shelf.chunks()
    await pool.execute("UPDATE pages SET chunker = 0 WHERE url <> $1", ROOT + "b")
    await pool.execute(
        "UPDATE chunks SET text = 'cut badly', hash = 'x' WHERE id = $1", min(before)
    )

    async def cut(uncut: Uncut, repeated: frozenset[bytes]) -> PageRow:
        return cut_page(uncut, repeated)

    assert await cut_anew(shelf.source, shelf.stored.sources, cut) == 2
    assert sorted((await shelf.chunks()).values()) == sorted(before.values())
    assert await cut_anew(shelf.source, shelf.stored.sources, cut) == 0


async def test_a_page_is_found_under_its_old_title_until_an_index_with_the_new_one_is_in_use(
    shelf: Shelf, pool: Pool
) -> None:
    def titled(title: str) -> Page:
        converted = Converted(title, f"# {title}\n\nSays this.\n")
        return replace(page_of(converted, ROOT + "a"), read_from=ROOT + "a")

    async def titles() -> set[str]:
        found = await Chunks(pool).get_many(list(await shelf.readable_chunks()))
        return {chunk.title for chunk in found.values()}

    generations = Generations(pool)
    await shelf.sync(titled("First"))
    for title in ("Second", "Third"):
        await shelf.sync(titled(title))
        assert await titles() == {"First"}
    name = await generations.begin(lexical_version=1, embedding_model=None, dimensions=0)
    await generations.switch(name, Built(1, max(await shelf.chunks())))
    assert await titles() == {"Third"}


async def test_fewer_hours_between_syncs_bring_the_next_one_forward(shelf: Shelf) -> None:
    syncs = shelf.stored.syncs
    await syncs.put_off([shelf.source.id], 24 * 3600)
    await syncs.bring_forward(3600)
    seconds = await syncs.seconds_to_next(first_after_seconds=0)
    assert seconds is not None
    assert 3500 < seconds <= 3600
    await syncs.bring_forward(7200)
    assert (await syncs.seconds_to_next(first_after_seconds=0) or 0) <= 3600


async def test_the_next_sync_is_due_when_it_was_put_off_to(shelf: Shelf) -> None:
    syncs = shelf.stored.syncs
    assert await syncs.due(first_after_seconds=900) == []
    assert await syncs.due(first_after_seconds=0) == ["docs"]
    await syncs.put_off([shelf.source.id], 3600)
    assert await syncs.due(first_after_seconds=0) == []
    seconds = await syncs.seconds_to_next(first_after_seconds=0)
    assert seconds is not None
    assert 3500 < seconds <= 3600
    await syncs.put_off([shelf.source.id], -1)
    assert await syncs.due(first_after_seconds=900) == ["docs"]
