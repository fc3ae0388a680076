"""Brings what is stored of a source in step with what can be read of it now."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from docbot.db.addresses import Addresses, AddressRow
from docbot.db.sources import ChunkRow, PageRow, Removal, Source, Sources, Uncut
from docbot.db.syncs import Begun, Counts, Outcome, Syncs
from docbot.errors import DocbotError, PermanentError
from docbot.knowledge.chunking.chunks import CHUNKER_VERSION
from docbot.knowledge.html.convert import Converted
from docbot.knowledge.memory import Known
from docbot.knowledge.pages import (
    CONVERTER_VERSION,
    Failure,
    Missed,
    Nothing,
    Page,
    Result,
    Unchanged,
    page_of,
)
from docbot.knowledge.repeated import FEWEST_PAGES, repeated

GRACE_DAYS = 7  # for which a page that cannot be read keeps its old content
# In how many syncs in a row nothing names a page before it goes, though it is still there.
MOST_MISSED = 2
MOST_REMOVED = 0.3  # of a source's pages; beyond it somebody must say yes
RESUMABLE_HOURS = 24  # for which a sync that was stopped half way can go on
_CUT_AT_ONCE = 50  # pages
_SETTLED_AT_ONCE = 100  # addresses; so many are asked again at most when a sync is killed

# Asked with how many pages would go, of how many; True removes them.
MayRemove = Callable[[int, int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Stored:
    """Where what is read of sources is kept."""

    sources: Sources
    addresses: Addresses
    syncs: Syncs


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sync did to a source.

    `kept` pages were not found this time and were not removed; `held` would have been too many to
    be removed without being asked. `unselected` are pages in which the operator's selector found
    nothing. `left_out` counts addresses by why they are not read.
    """

    source: str
    added: int
    changed: int
    unchanged: int
    deleted: int
    kept: int
    failures: tuple[Failure, ...]
    held: int = 0
    unselected: tuple[str, ...] = ()
    is_resumed: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        return self.added + self.changed + self.unchanged


class StoredMemory:
    """What Postgres knows of the addresses of one source."""

    def __init__(self, addresses: Addresses, source_id: int, sync: Begun) -> None:
        self._addresses = addresses
        self._source_id = source_id
        self._sync = sync

    async def recall(self, address: str) -> Known | None:
        row = await self._addresses.find(self._source_id, address)
        if row is None:
            return None
        known = Known(
            page_url=row.page_url,
            etag=row.etag,
            last_modified=row.last_modified,
            body_hash=row.body_hash,
            links=tuple(row.links),
            leads_to=row.leads_to,
            note=row.note,
            is_settled=row.is_stored and row.sync_id == self._sync.id and row.failure is None,
        )
        is_asked_anew = self._sync.is_full or row.converter != CONVERTER_VERSION
        if row.is_stored and (known.is_settled or not is_asked_anew):
            return known
        return replace(known, etag=None, last_modified=None, body_hash=None)

    async def addresses(self) -> frozenset[str]:
        return await self._addresses.with_page(self._source_id)


async def store(
    source: Source,
    stored: Stored,
    sync: Begun,
    results: AsyncIterator[Result],
    *,
    progress: Callable[[int], None],
    may_remove: MayRemove,
) -> Summary:
    """Store each page as it is read, then take out those that are gone.

    A page that cannot be read keeps its old content for a week, unless it is gone. While there is
    an address that could never be read, only what said itself that it is gone is removed: what
    that one leads to may be missing for that reason alone. After a week it is waited for no more.

    Raises:
        PermanentError: nothing at all could be read.
    """
    work = _Work(source, stored, sync, await stored.sources.page_hashes(source.id))
    try:
        async for result in results:
            await work.take(result)
            progress(work.read)
        await work.flush()
        summary = await _finish(work, may_remove)
    except DocbotError as error:
        await work.end("failed", deleted=0, reason=str(error))
        raise
    return summary


class _Work:
    """One source under way: what was read, and what is still to be written down."""

    def __init__(
        self, source: Source, stored: Stored, sync: Begun, hashes: dict[str, bytes]
    ) -> None:
        self.source = source
        self.stored = stored
        self.sync = sync
        self.failures: list[Failure] = []
        self.missed: list[str] = []
        self.gone: set[str] = set()  # addresses
        self.unselected: list[str] = []
        self.read = 0  # pages, in this sync
        self._hashes = hashes
        self._added = sync.counts.added
        self._changed = sync.counts.changed
        self._added_before = sync.counts.added
        self._may_lack_pages = False
        self._seen: set[str] = set()
        self._settled: list[str] = []

    @property
    def counts(self) -> Counts:
        """Of all that was read, also before this sync was stopped half way."""
        unchanged = max(0, self.read - self._added - self._changed)
        return Counts(self._added, self._changed, unchanged)

    @property
    def pages_before(self) -> int:
        """How many there were when this sync began, also when it was stopped half way since."""
        return max(0, len(self._hashes) - self._added_before)

    @property
    def pages_unseen(self) -> int:
        return len(self._hashes.keys() - self._seen)

    @property
    def is_complete(self) -> bool:
        """Whether nothing failed that may lead to pages which nobody knows of."""
        return not self._may_lack_pages

    async def take(self, result: Result) -> None:
        match result:
            case Page():
                await self._take_page(result)
            case Unchanged():
                await self._take_unchanged(result)
            case Nothing():
                await self._take_nothing(result)
            case Missed():
                self.missed.append(result.read_from)
            case Failure():
                await self._take_failure(result)

    async def _take_page(self, page: Page) -> None:
        address = _address_of(page)
        if page.url in self._seen:  # another address gave it
            await self.stored.addresses.put(self.source.id, self.sync.id, address)
            return
        self._count(page.url)
        if page.missed_selector:
            self.unselected.append(page.url)
        before = self._hashes.get(page.url)
        if before == page.content_hash and not self.sync.is_full:
            await self.stored.addresses.put(self.source.id, self.sync.id, address)
            return
        added, changed = int(before is None), int(before not in (None, page.content_hash))
        self._added += added
        self._changed += changed
        await self.stored.sources.put_read_page(
            self.source.id, self.sync.id, page_row(page), address, added=added, changed=changed
        )

    async def _take_unchanged(self, result: Unchanged) -> None:
        known = result.known
        if known.page_url is not None and known.page_url not in self._seen:
            self._count(known.page_url)
        if known.note is not None:
            self.failures.append(Failure(result.read_from, known.note))
        if result.has_new_validators:
            await self.stored.addresses.set_validators(
                self.source.id,
                result.read_from,
                etag=known.etag,
                last_modified=known.last_modified,
            )
        if known.is_settled:
            return
        self._settled.append(result.read_from)
        if len(self._settled) >= _SETTLED_AT_ONCE:
            await self.flush()

    async def _take_nothing(self, result: Nothing) -> None:
        if result.note is not None:
            self.failures.append(Failure(result.read_from, result.note))
        row = AddressRow(
            address=result.read_from,
            page_url=None,
            etag=result.etag,
            last_modified=result.last_modified,
            body_hash=result.body_hash,
            converter=CONVERTER_VERSION,
            links=result.links,
            leads_to=result.leads_to,
            note=result.note,
        )
        await self.stored.addresses.put(self.source.id, self.sync.id, row)

    async def _take_failure(self, failure: Failure) -> None:
        if failure.is_gone:
            self.gone.add(failure.read_from)
            # Where a page was, that it is gone is no failure but what happened to it.
            before = await self.stored.addresses.find(self.source.id, failure.read_from)
            if before is not None and before.page_url is not None:
                return
        self.failures.append(failure)
        if not failure.read_from:
            self._may_lack_pages |= failure.is_transient
        elif not failure.is_gone:
            failing = await self.stored.addresses.fail(
                self.source.id,
                self.sync.id,
                address=failure.read_from,
                page_url=failure.url,
                reason=failure.reason,
            )
            # What one led to that was read before is known, and found all the same.
            is_news = not failing.was_read and failing.failing_for < timedelta(days=GRACE_DAYS)
            self._may_lack_pages |= failure.is_transient and is_news

    def _count(self, page_url: str) -> None:
        self._seen.add(page_url)
        self.read += 1

    async def flush(self) -> None:
        if self._settled:
            await self.stored.addresses.settle(self.source.id, self.sync.id, self._settled)
            self._settled.clear()
        await self.stored.syncs.count_unchanged(self.sync.id, self.counts.unchanged)

    async def end(self, outcome: Outcome, *, deleted: int, reason: str | None = None) -> None:
        await self.stored.syncs.end(
            self.sync.id,
            outcome,
            counts=self.counts,
            deleted=deleted,
            failed=len(self.failures),
            reason=reason,
        )


async def _finish(work: _Work, may_remove: MayRemove) -> Summary:
    if not work.read:
        raise PermanentError(_nothing_read(work.source, work.failures))
    removal = await _removal(work)
    doomed = await work.stored.sources.doomed(work.source.id, removal, read_all=work.is_complete)
    is_much = len(doomed) > MOST_REMOVED * work.pages_before
    held = len(doomed) if is_much and not await may_remove(len(doomed), work.pages_before) else 0
    if not held:
        await work.stored.sources.remove_pages(work.source.id, work.sync.id, doomed, removal)
    await work.stored.sources.mark_synced(work.source.id)
    deleted = 0 if held else len(doomed)
    if held:
        reason = f"{held} of {work.pages_before} pages would be removed"
        await work.end("held", deleted=0, reason=reason)
    else:
        await work.end("partly" if work.failures else "done", deleted=deleted)
    return Summary(
        source=work.source.name,
        added=work.counts.added,
        changed=work.counts.changed,
        unchanged=work.counts.unchanged,
        deleted=deleted,
        kept=work.pages_unseen - deleted - held,
        failures=tuple(work.failures),
        held=held,
        unselected=tuple(work.unselected),
        is_resumed=work.sync.is_resumed,
    )


async def _removal(work: _Work) -> Removal:
    """Find out which addresses are gone, and count those that nothing names any more."""
    gone = set(work.gone)
    if work.is_complete:
        if work.missed:
            await work.stored.addresses.miss(work.source.id, work.sync.id, work.missed)
        if work.source.kind != "website":  # what a folder or a file lacks is gone
            gone |= set(await work.stored.addresses.not_asked(work.source.id, work.sync.id))
    return Removal(frozenset(gone), MOST_MISSED, GRACE_DAYS)


def _nothing_read(source: Source, failures: list[Failure]) -> str:
    reasons = "; ".join(f"{failure.url}: {failure.reason}" for failure in failures[:3])
    return f"{source.name}: no page with text at {source.location}" + (
        f" ({reasons})" if reasons else ""
    )


def _address_of(page: Page) -> AddressRow:
    return AddressRow(
        address=page.read_from or page.url,
        page_url=page.url,
        etag=page.etag,
        last_modified=page.last_modified,
        body_hash=page.body_hash,
        converter=CONVERTER_VERSION,
        links=page.links,
    )


def page_row(page: Page) -> PageRow:
    return PageRow(
        url=page.url,
        title=page.title,
        markdown=page.markdown,
        content_hash=page.content_hash,
        chunks=tuple(
            ChunkRow(c.hash, c.heading_path, c.url, c.text, c.tokens) for c in page.chunks
        ),
        chunker=CHUNKER_VERSION,
        edges=page.edges,
    )


async def cut_anew(
    source: Source,
    sources: Sources,
    cut: Callable[[Uncut, frozenset[bytes]], Awaitable[PageRow]],
) -> int:
    """Cut the stored pages anew that another chunker cut, or where what the site repeats changed.

    Args:
        source: as it was before its sync.
        sources: where it is stored.
        cut: `cut_page`, wherever it runs.

    Returns:
        How many times a page was cut.
    """
    known, count = source.repeated, 0
    while True:
        on_most = await _on_most(source, sources)
        changed = on_most ^ known
        cut_now = await _cut_where(source, sources, cut, on_most, changed)
        if changed:
            await sources.set_repeated(source.id, on_most)
        if not cut_now:
            return count
        # Pages that a docbot cut which noted no edges have some only now.
        known, count = on_most, count + cut_now


async def _on_most(source: Source, sources: Sources) -> frozenset[bytes]:
    """Return the edges that stand on most pages of the source."""
    if source.kind in ("file", "solved"):  # texts of people, and nothing stands around them
        return frozenset()
    pages = await sources.count_pages(source.id)
    return repeated(await sources.edges(source.id, least=FEWEST_PAGES), pages)


async def _cut_where(
    source: Source,
    sources: Sources,
    cut: Callable[[Uncut, frozenset[bytes]], Awaitable[PageRow]],
    on_most: frozenset[bytes],
    changed: frozenset[bytes],
) -> int:
    count, after = 0, ""
    while uncut := await sources.cut_otherwise(
        source.id, chunker=CHUNKER_VERSION, edges=changed, after=after, limit=_CUT_AT_ONCE
    ):
        for page in uncut:
            await sources.put_page(source.id, await cut(page, on_most))
        count, after = count + len(uncut), uncut[-1].url
    return count


def cut_page(uncut: Uncut, repeated: frozenset[bytes]) -> PageRow:
    """Cut a stored page; meant for a process pool."""
    page = page_of(Converted(uncut.title, uncut.markdown), uncut.url, repeated)
    return page_row(replace(page, content_hash=uncut.content_hash))
