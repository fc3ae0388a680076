"""One demo and one browser for all tests of the page; each visit is a browser of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.screen import WIDE, Demo, chromium, demo, find_chromium

_PATIENCE_MS = 60_000

expect.set_options(timeout=_PATIENCE_MS)

Visit = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: the page is not tested (apt install chromium)")
    async with chromium(path) as browser:
        yield browser


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def served(browser: Browser) -> AsyncIterator[Demo]:
    """The running demo; begun only where there is a browser to look at it."""
    async with demo() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package")
async def visit(browser: Browser, served: Demo) -> AsyncIterator[Visit]:
    async with visits(browser, served.url) as open_page:
        yield open_page


@asynccontextmanager
async def visits(browser: Browser, url: str) -> AsyncIterator[Visit]:
    """Open the page as somebody new; whatever the script complains of fails the test."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(
            path: str = "/",
            *,
            size: tuple[int, int] = WIDE,
            scheme: str = "light",
        ) -> Page:
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme="dark" if scheme == "dark" else "light",
                has_touch=size[0] < 500,
                reduced_motion="reduce",
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
            page.on("dialog", lambda dialog: complaints.append(dialog.message))
            page.on("request", lambda asked: complaints.extend(_elsewhere(asked.url, url)))
            await page.goto(f"{url}{path}")
            await page.get_by_text("docbot is online").wait_for(state="attached")
            return page

        yield open_page
    assert complaints == []


def _elsewhere(asked: str, url: str) -> list[str]:
    address = url.partition("://")[2]
    is_own = asked.startswith((f"http://{address}/", f"ws://{address}/"))
    return [] if is_own else [f"asked {asked}"]
