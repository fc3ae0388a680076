"""Whole real sites: every page is read, and nothing that stands around the pages comes along."""

import asyncio
import multiprocessing
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache, partial
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from docbot.knowledge.folder.folder import FolderSource, read_file
from docbot.knowledge.pages import Failure, Fetched, Page, read_fetched
from docbot.knowledge.site.crawl import WebsiteSource, crawl
from tests.knowledge.conftest import folder_handler, served

pytestmark = pytest.mark.slow

BASE_URL = "https://docs.example.org/"
# Text that a site's theme writes around its pages.
NAVIGATION = {
    "airflow": ("© Copyright", "Read the Docs", "Page navigation"),
    "fastapi": ("Skip to content", "Initializing search", "Back to top", "Table of contents"),
    "ray": (
        "Skip to main content",
        "By The Ray Team",
    ),
    "vite": ("Skip to content", "On this page", "Return to top", "Main Navigation"),
}
SITES = [
    "airflow",
    "vite",
    pytest.param("fastapi", marks=pytest.mark.check),
    pytest.param("ray", marks=pytest.mark.check),
]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def reachable(root: Path) -> set[str]:
    """Walk the links from index.html, reading them with nothing but an expression."""
    found, waiting = {"index.html"}, ["index.html"]
    while waiting:
        page = waiting.pop()
        for href in re.findall(r"<a\s[^>]*?href=\"?([^\"\s>]+)", (root / page).read_text("utf-8")):
            target = urlsplit(urljoin(f"http://site/{page}", href))
            if target.netloc != "site":
                continue
            path = target.path.lstrip("/")
            for file in (
                (f"{path}index.html",) if path.endswith("/") or not path else (path, f"{path}.html")
            ):
                if file.endswith(".html") and (root / file).is_file() and file not in found:
                    found.add(file)
                    waiting.append(file)
    return found


def is_given(root: Path, path: str) -> bool:
    """Tell whether a plain server has a page there; `examples.html` is none at `examples/`."""
    return (root / path).is_file() or (root / path / "index.html").is_file()


def folded(path: str) -> str:
    return re.sub(r"(?:^|/)index(?:\.html)?$|\.html$", "", path).strip("/")


@dataclass(frozen=True, slots=True)
class Crawled:
    """What a crawl gave, by paths below the site's root."""

    pages: dict[str, Page]
    failed: dict[str, str]  # the reason of each
    left_out: dict[str, str]


async def crawled(root: Path, pool: ProcessPoolExecutor) -> Crawled:
    loop = asyncio.get_running_loop()
    left_out: dict[str, str] = {}

    async def convert(fetched: Fetched) -> Page:
        return await loop.run_in_executor(pool, read_fetched, fetched)

    async with served(folder_handler(root)) as url:
        source = WebsiteSource(f"{url}index.html", user_agent="docbot/1 (+https://x.y)", pause=0)
        async with aclosing(crawl(source, convert, left_out.__setitem__)) as given:
            results = [result async for result in given]
    return Crawled(
        pages={
            folded(page.url.removeprefix(url)): page for page in results if isinstance(page, Page)
        },
        failed={
            unquote(failure.url.removeprefix(url)): failure.reason
            for failure in results
            if isinstance(failure, Failure)
        },
        left_out={address.removeprefix(url): reason for address, reason in left_out.items()},
    )


@pytest.fixture(scope="module")
def as_folder(pool: ProcessPoolExecutor) -> Callable[[Path], list[Page]]:
    """Read each site once for all tests."""

    @cache
    def pages(root: Path) -> list[Page]:
        read = partial(read_file, root, base_url=BASE_URL)
        return list(pool.map(read, FolderSource(root, None).files(), chunksize=8))

    return pages


@pytest.mark.parametrize("name", SITES)
async def test_every_page_that_links_lead_to_is_read(
    name: str, site: Callable[[str], Path], pool: ProcessPoolExecutor
) -> None:
    root = site(name)
    found = await crawled(root, pool)
    expected = {
        folded(file)
        for file in reachable(root)
        if 'http-equiv="refresh"' not in (root / file).read_text("utf-8")
    }
    assert expected - found.pages.keys() == set()
    files = {folded(file.relative_to(root).as_posix()) for file in root.rglob("*.html")}
    assert found.pages.keys() - files == set()
    # What failed are links to pages that the site does not have, and nothing else is missing.
    assert [path for path in found.failed if is_given(root, path)] == []
    assert {reason.partition(" answered ")[2] for reason in found.failed.values()} <= {
        "404 Not Found"
    }
    assert [path for path in found.left_out if folded(path) in files] == []


@pytest.mark.parametrize("name", SITES)
def test_every_file_of_a_built_site_is_read(
    name: str, site: Callable[[str], Path], as_folder: Callable[[Path], list[Page]]
) -> None:
    root = site(name)
    pages = as_folder(root)
    files = {folded(file.relative_to(root).as_posix()) for file in root.rglob("*.html")}
    assert {folded(page.url.removeprefix(BASE_URL)) for page in pages} == files
    assert len(pages) == len(files)
    stubs = [page for page in pages if page.leads_to]
    assert [page.url for page in pages if not page.chunks and page not in stubs] == []
    assert len(stubs) == (6 if name == "fastapi" else 0)
    assert all(page.title for page in pages)


@pytest.mark.parametrize("name", SITES)
def test_no_navigation_stands_in_any_chunk(
    name: str, site: Callable[[str], Path], as_folder: Callable[[Path], list[Page]]
) -> None:
    root = site(name)
    pages = as_folder(root)
    raw = [unescape(file.read_text("utf-8")) for file in FolderSource(root, None).files()]
    for line in NAVIGATION[name]:
        assert sum(line in html for html in raw) > len(raw) * 0.6
    texts = ["\n".join(chunk.text for chunk in page.chunks) for page in pages]
    assert [line for line in NAVIGATION[name] if any(line in text for text in texts)] == []
    lines = Counter(
        line for page in pages for line in {*map(str.strip, page.markdown.splitlines())}
    )
    marks = re.compile(
        r"^(?:>? ?(?:```\w*|\*\*.*\*\*)?|app = FastAPI\(\))$"
    )  # fences, labels, code
    assert [
        line for line, count in lines.items() if count > len(pages) * 0.6 and not marks.match(line)
    ] == []
    assert not any("¶" in text or "\uf0c1" in text for text in texts)


@pytest.mark.parametrize("name", SITES)
def test_each_anchor_exists_on_its_page(
    name: str, site: Callable[[str], Path], as_folder: Callable[[Path], list[Page]]
) -> None:
    root = site(name)
    files = FolderSource(root, None).files()
    for file, page in zip(files, as_folder(root), strict=True):
        html = file.read_text("utf-8")
        anchors = {chunk.url.partition("#")[2] for chunk in page.chunks} - {""}
        ids = set(re.findall(r"\s(?:id|name)=[\"']?([^\"'\s>]+)", html))
        assert anchors - ids == set()
