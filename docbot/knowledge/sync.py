"""Brings what is stored of a source in step with what can be read of it now."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from docbot.db.sources import ChunkRow, PageRow, Source, Sources
from docbot.errors import PermanentError
from docbot.knowledge.addresses import bare
from docbot.knowledge.pages import Failure, Nothing, Page, Unchanged


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sync did to a source; `kept` pages were not found this time, but were not removed."""

    source: str
    added: int
    changed: int
    unchanged: int
    deleted: int
    kept: int
    failures: tuple[Failure, ...]

    @property
    def read(self) -> int:
        return self.added + self.changed + self.unchanged


async def store(
    source: Source,
    sources: Sources,
    pages: AsyncIterator[Page | Unchanged | Nothing | Failure],
    *,
    full: bool,
    progress: Callable[[int], None],
) -> Summary:
    """Store each page as it is read, then remove those that are gone.

    A page that cannot be read keeps its old content, unless it is gone. When one failed for a
    reason that may pass, nothing is removed: what it led to may be missing for that reason alone.

    Raises:
        PermanentError: nothing at all could be read.
    """
    known = await sources.page_hashes(source.id)
    seen: set[str] = set()
    added = changed = 0
    failures: list[Failure] = []
    async for page in pages:
        if isinstance(page, Failure):
            failures.append(page)
            continue
        if not isinstance(page, Page):
            continue
        # A stub that only leads elsewhere holds nothing to find.
        if page.url in seen or not page.chunks:
            continue
        seen.add(page.url)
        if page.url not in known:
            added += 1
        elif full or known[page.url] != page.content_hash:
            changed += 1
        if full or known.get(page.url) != page.content_hash:
            await sources.put_page(source.id, _row(page))
        progress(len(seen))
    if not seen:
        raise PermanentError(_nothing_read(source, failures))
    unread = {bare(failure.url) for failure in failures if not failure.is_gone}
    gone = sorted(url for url in known.keys() - seen if bare(url) not in unread)
    incomplete = any(failure.is_transient for failure in failures)
    if gone and not incomplete:
        await sources.delete_pages(source.id, gone)
    await sources.mark_synced(source.id)
    return Summary(
        source=source.name,
        added=added,
        changed=changed,
        unchanged=len(seen) - added - changed,
        deleted=0 if incomplete else len(gone),
        kept=len(gone) if incomplete else 0,
        failures=tuple(failures),
    )


def _nothing_read(source: Source, failures: list[Failure]) -> str:
    reasons = "; ".join(f"{failure.url}: {failure.reason}" for failure in failures[:3])
    return f"{source.name}: no page with text at {source.location}" + (
        f" ({reasons})" if reasons else ""
    )


def _row(page: Page) -> PageRow:
    return PageRow(
        url=page.url,
        title=page.title,
        markdown=page.markdown,
        content_hash=page.content_hash,
        chunks=tuple(ChunkRow(c.hash, c.heading_path, c.url, c.text) for c in page.chunks),
        etag=page.etag,
        last_modified=page.last_modified,
    )
