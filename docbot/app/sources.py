"""Sources as an operator adds and sees them."""

from dataclasses import dataclass
from datetime import datetime

from docbot.app.rooms import Rooms
from docbot.db.solutions import SolvedCount
from docbot.db.sources import Source
from docbot.db.syncs import LastSync
from docbot.errors import UsageError
from docbot.knowledge.globs import check_glob
from docbot.knowledge.html.selector import check_selector
from docbot.knowledge.location import located, overlap
from docbot.settings import is_http_address

_SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source as somebody asked for it; nothing of it is checked yet."""

    name: str
    location: str
    base_url: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    max_pages: int | None = None


async def add_source(rooms: Rooms, wanted: Wanted) -> list[str]:
    """Add a source; return what to tell about it.

    Raises:
        UsageError: something of it cannot be, or is there already.
    """
    kind, place = located(wanted.location)
    if wanted.selector is not None:
        check_selector(wanted.selector)
    for glob in (*wanted.include, *wanted.exclude):
        check_glob(glob)
    if wanted.base_url is not None and not is_http_address(wanted.base_url):
        raise UsageError(
            f"--base-url {wanted.base_url}: must be an address with a host "
            "that starts with http:// or https://"
        )
    others = {
        known: overlap(place, known.location)
        for known in await rooms.sources.all()
        if known.name != wanted.name
    }
    for known, lies in others.items():
        if lies == "same":
            raise UsageError(
                f"{place} is read already, as source {known.name}; "
                f"docbot sync {known.name} reads it again"
            )
    await rooms.sources.add(
        name=wanted.name,
        kind=kind,
        location=place,
        base_url=wanted.base_url,
        include=wanted.include,
        exclude=wanted.exclude,
        selector=wanted.selector,
        max_pages=wanted.max_pages,
    )
    return [
        f"{place} lies {lies} {known.location} (source {known.name}); "
        "a search that uses both finds the same page twice"
        for known, lies in others.items()
        if lies is not None
    ]


async def lines_about_sources(rooms: Rooms) -> list[str]:
    """Say of every source what was read of it, when, and what fails; then what was learned."""
    sources = await rooms.sources.all()
    last = await rooms.syncs.last([source.id for source in sources])
    is_scheduled = rooms.settings.docbot_sync_hours > 0
    lines: list[str] = []
    for source in sources:
        failing = await rooms.addresses.count_failures(source.id)
        failures = await rooms.addresses.failures(source.id, _SHOWN_FAILURES)
        lines.append(f"{source.name}  {source.location}")
        lines += [f"  {line}" for line in _facts(source, last.get(source.id), is_scheduled)]
        lines += [f"  fails: {told(address, reason)}" for address, reason in failures]
        if failing > len(failures):
            lines.append(
                f"  and {failing - len(failures):,} more; {failing:,} addresses fail in all"
            )
    return lines + [_solved_line(count) for count in await rooms.solutions.counts()]


def _solved_line(count: SolvedCount) -> str:
    """Say what was learned from a forum's threads; it is synced by nobody."""
    waiting = f"; {count.in_review:,} wait for staff" if count.in_review else ""
    return (
        f"{count.name}  learned from the threads of forum {count.forum_id}, for that forum alone: "
        f"{count.verified:,} solutions{waiting}"
    )


def _facts(source: Source, last: LastSync | None, is_scheduled: bool) -> list[str]:
    read = (
        f"{source.pages:,} pages, {source.chunks:,} chunks, about {source.tokens:,} tokens; "
        f"synced {_at(source.synced_at) if source.synced_at else 'never'}"
    )
    if is_scheduled and source.due_at:
        read += f"; next {_at(source.due_at)} while `docbot run` is active"
    elif is_scheduled:
        read += "; `docbot run` syncs it a quarter of an hour after it was added"
    lines = [read]
    if chosen := _chosen(source):
        lines.append(chosen)
    if last is not None and last.ended_at is None:
        lines.append(f"a sync began {_at(last.begun_at)}; it is under way, or was stopped half way")
    elif last is not None and last.outcome == "held":
        lines.append(f"{last.reason}; docbot sync {source.name} --yes removes them")
    elif last is not None and last.outcome == "failed":
        lines.append(f"the last sync, {_at(last.begun_at)}, failed: {last.reason}")
    return lines


def _chosen(source: Source) -> str:
    """What was chosen for this source, as the options it was added with."""
    options = [("--base-url", source.base_url)]
    options += [("--include", glob) for glob in source.include]
    options += [("--exclude", glob) for glob in source.exclude]
    options += [("--selector", source.selector), ("--max-pages", str(source.max_pages or ""))]
    return " ".join(f"{option} {value}" for option, value in options if value)


def told(address: str, reason: str) -> str:
    """The reason, with the address where it does not begin with it."""
    return reason if reason.startswith(address) else f"{address}: {reason}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
