"""What a site says of itself before a page is read: robots.txt, sitemaps, `llms.txt`."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from docbot.errors import GarbledError, GoneError, PermanentError, RefusedError, TransientError
from docbot.knowledge.addresses import at_home, folded, is_markdown, is_under
from docbot.knowledge.pages import Failure
from docbot.knowledge.site.fetch import Answer, Fetcher
from docbot.knowledge.site.robots import LONGEST_CRAWL_DELAY, Robots, parse_robots
from docbot.knowledge.site.sitemap import Sitemap, parse_llms, parse_sitemap

_MOST_SITEMAPS = 1000
_MOST_NAMED = 500_000  # pages, or sitemaps still to be read
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|!--)", re.IGNORECASE)
_INDEX_NAMES = ("sitemap-index.xml", "sitemap_index.xml")


@dataclass(frozen=True, slots=True)
class Named:
    """The pages that a site names under its root, and what could not be read of its lists.

    `twins` are addresses of Markdown that `llms.txt` names.
    """

    pages: tuple[str, ...]
    twins: tuple[str, ...]
    failures: tuple[Failure, ...]


def origin_of(url: str) -> str:
    return urljoin(folded(url), "/")


async def read_robots(fetcher: Fetcher, url: str, user_agent: str) -> Robots:
    """Read the robots.txt for an address; a site that has none, or hides it, allows everything.

    Raises:
        TransientError: it cannot be read just now, so that nobody knows what is allowed.
        PermanentError: it is damaged, or beyond all measure, and nobody knows what is allowed.
    """
    try:
        # It holds for this site wherever its redirects end.
        answer = await fetcher.get(f"{origin_of(url)}robots.txt", may_follow=lambda _: True)
    except GarbledError as error:
        raise PermanentError(
            f"the site of {url} cannot be read: {error}, and nobody knows what it allows"
        ) from error
    except PermanentError:
        return Robots()
    except TransientError as error:
        raise TransientError(
            f"the site of {url} cannot be read: {error}", retry_after=error.retry_after
        ) from error
    # Not every server says of a file without HTML that it holds none.
    if answer is None or _HTML.match(answer.body):
        return Robots()
    return parse_robots(answer.body, user_agent)


async def read_lists(
    fetcher: Fetcher, robots: Robots, root: str, is_over: Callable[[], bool] = lambda: False
) -> Named:
    """Read the sitemaps and the `llms.txt` of a site; `is_over` tells that its time is."""
    failures: list[Failure] = []
    if robots.asked_delay > LONGEST_CRAWL_DELAY:
        place = f"{origin_of(root)}robots.txt"
        asks = f"asks for {robots.asked_delay:.0f} seconds between two requests"
        failures.append(Failure(place, f"{asks}; docbot leaves {LONGEST_CRAWL_DELAY:.0f}"))
    pages = await _sitemap_pages(fetcher, robots, root, is_over, failures.append)
    listed = await _llms_addresses(fetcher, robots, root, failures.append)
    twins = tuple(address for address in listed if is_markdown(address))
    others = tuple(address for address in listed if not is_markdown(address))
    return Named((*pages, *others), twins, tuple(failures))


async def _sitemap_pages(
    fetcher: Fetcher,
    robots: Robots,
    root: str,
    is_over: Callable[[], bool],
    fail: Callable[[Failure], None],
) -> tuple[str, ...]:
    stated = [at_home(place, root) for place in robots.sitemaps]
    usual = [[place] for place in _usual_places(root) if place not in stated]
    for candidate in (stated, *usual):
        named = await _named_in(fetcher, robots, candidate, root, is_over=is_over, fail=fail)
        if named or is_over():
            return named
    return ()


def _usual_places(root: str) -> list[str]:
    """`sitemap.xml` in the folder and in each above it, then the names of an index."""
    places, folder, origin = [], root, origin_of(root)
    while len(folder) >= len(origin):
        places.append(f"{folder}sitemap.xml")
        folder = folder[:-1].rpartition("/")[0] + "/"
    tops = dict.fromkeys((root, origin))
    return places + [f"{top}{name}" for top in tops for name in _INDEX_NAMES]


async def _named_in(
    fetcher: Fetcher,
    robots: Robots,
    sitemaps: Sequence[str],
    root: str,
    *,
    is_over: Callable[[], bool],
    fail: Callable[[Failure], None],
) -> tuple[str, ...]:
    """Read sitemaps and those they name; one that is not there, or is none, is passed over."""
    origin = origin_of(root)
    waiting, known = deque(sitemaps), set(sitemaps)
    pages: dict[str, None] = {}
    read = 0
    while waiting and read < _MOST_SITEMAPS and len(pages) < _MOST_NAMED and not is_over():
        place = waiting.popleft()
        if not is_under(place, origin) or not robots.allows(place):
            continue
        read += 1
        answer = await _fetched(fetcher, place, origin, fail)
        found = await asyncio.to_thread(parse_sitemap, answer.body) if answer else Sitemap((), ())
        if found.fault:
            fail(Failure(place, found.fault, is_transient=True))
        pages.update(await asyncio.to_thread(_inside, found.pages, root))
        inner = [at_home(place, root) for place in found.sitemaps]
        new = [place for place in dict.fromkeys(inner) if place not in known]
        waiting += new[: max(0, _MOST_NAMED - len(known))]
        known.update(new)
    if waiting:
        reason = f"stopped after {read} sitemaps; {len(waiting)} more were not read"
        fail(Failure(origin, reason, is_transient=True))
    return tuple(pages)


def _inside(pages: Sequence[str], root: str) -> dict[str, None]:
    at_homes = (at_home(page, root) for page in pages)
    return dict.fromkeys(page for page in at_homes if page.startswith(root) or is_under(page, root))


async def _llms_addresses(
    fetcher: Fetcher, robots: Robots, root: str, fail: Callable[[Failure], None]
) -> tuple[str, ...]:
    origin = origin_of(root)
    for place in dict.fromkeys((f"{root}llms.txt", f"{origin}llms.txt")):
        answer = await _fetched(fetcher, place, origin, fail) if robots.allows(place) else None
        if answer is None or answer.content_type == "text/html":
            continue
        found = parse_llms(answer.body.decode("utf-8-sig", "replace"), place)
        inside = tuple(_inside(found, root))
        if inside:
            return inside
    return ()


async def _fetched(
    fetcher: Fetcher, place: str, origin: str, fail: Callable[[Failure], None]
) -> Answer | None:
    try:
        return await fetcher.get(place, may_follow=lambda target: is_under(target, origin))
    except TransientError as error:
        fail(Failure(place, str(error), is_transient=True))
    except (GoneError, RefusedError):
        pass
    except PermanentError as error:
        fail(Failure(place, str(error)))
    return None
