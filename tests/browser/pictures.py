"""Takes the pictures in `docs/pictures` anew: `python -m tests.browser.pictures`.

Each shows the real demo, so they are taken again whenever its look changes.
"""

import asyncio
import sys
from pathlib import Path
from typing import Literal, TypeAlias

from playwright.async_api import Browser, Page

from tests.browser.screen import PHONE, WIDE, Demo, chromium, demo, find_chromium
from tests.browser.test_demo import act_as, messages, type_command

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_PATIENCE_MS = 30_000

Scheme: TypeAlias = Literal["light", "dark"]
_SCHEMES: tuple[Scheme, ...] = ("light", "dark")

_EARLIER = (
    ("Ada", "How do I add a source?", "Our docs are a website."),
    ("Cleo", "How do I translate docbot into German?", "For our members."),
)
_SHOWN = ("Ben", "Which permissions does the bot need?", "I would like to invite it to our server.")
_SOLVED_BY = "It works without Administrator here, with just those."
_CALLED = "Where does docbot keep its data?"
_DRAFTED = ("How do I back up docbot?", "I would like to move it to another machine.")
_QUERY = "add a source and read it again"


async def take(browser: Browser, running: Demo, folder: Path) -> None:
    """Walk through the demo as its people do, and take a picture of each thing to see."""
    start = f"{running.url}/"
    for name, title, text in _EARLIER:
        await _post(await _opened(browser, start), name, title, text)
    page = await _opened(browser, start)
    await _post(page, *_SHOWN)
    for width, size in (("desktop", WIDE), ("phone", PHONE)):
        for scheme in _SCHEMES:
            seen = await _opened(browser, page.url, size, scheme)
            await seen.get_by_role("button", name="Helpful").wait_for()
            await _picture(seen, folder / f"demo-{width}-{scheme}.png")
    await _take_vote(browser, page.url, folder)
    await _take_solution(browser, page, folder)
    await _take_call(browser, start, folder)
    await _take_search(page, folder)
    await _take_draft(browser, running, folder)


async def _take_vote(browser: Browser, url: str, folder: Path) -> None:
    page = await _opened(browser, url)
    await act_as(page, "Cleo")
    await page.get_by_role("button", name="Not right").click()
    await page.get_by_role("button", name="Outdated").wait_for()
    await page.get_by_role("button", name="Not right (1)").wait_for()
    await _picture(page, folder / "not-right.png")


async def _take_solution(browser: Browser, asker: Page, folder: Path) -> None:
    helper = await _opened(browser, asker.url)
    await act_as(helper, "Hana")
    await _say(helper, _SOLVED_BY)
    await messages(asker).filter(has_text=_SOLVED_BY).hover()
    await asker.get_by_label("More for the message of Hana").click()
    await asker.get_by_role("button", name="Mark solution").click()
    await asker.get_by_text("Only you can see this").wait_for()
    await asker.get_by_role("button", name="Solved ✓").wait_for()
    await asker.locator("#post-facts").get_by_text("solved").wait_for()
    await _picture(asker, folder / "solved.png")
    await asker.get_by_role("button", name="Dismiss").click()


async def _take_call(browser: Browser, url: str, folder: Path) -> None:
    page = await _opened(browser, url)
    await act_as(page, "Cleo")
    await _go_to(page, "# general")
    await page.get_by_role("button", name="Mention docbot").click()
    await _say(page, _CALLED)
    await messages(page).filter(has_text="Sources").wait_for()
    await _picture(page, folder / "text-channel.png")


async def _take_search(page: Page, folder: Path) -> None:
    await type_command(page, "search")
    await page.get_by_label("query").fill(_QUERY)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Next").click()
    await page.get_by_text("Results 6").wait_for()
    await _picture(page, folder / "search.png")


async def _take_draft(browser: Browser, running: Demo, folder: Path) -> None:
    await running.configure("mode", "draft")
    asker, helper = await _opened(browser, running.url), await _opened(browser, running.url)
    await act_as(helper, "Hana")
    await _go_to(helper, "# staff")
    await _write_post(asker, "Ada", *_DRAFTED)
    await messages(helper).get_by_role("button", name="Discard").wait_for()
    await _picture(helper, folder / "draft.png")
    await messages(helper).get_by_role("button", name="Edit").click()
    await helper.get_by_role("dialog").get_by_label("Text").wait_for()
    await _picture(helper, folder / "draft-edited.png")
    await helper.get_by_role("button", name="Submit").click()
    await helper.get_by_text("Only you can see this").wait_for()
    await messages(helper).get_by_role("button", name="Send").click()
    await asker.get_by_role("button", name="Helpful").wait_for()
    await _picture(asker, folder / "reviewed.png")


async def _opened(
    browser: Browser, url: str, size: tuple[int, int] = WIDE, scheme: Scheme = "light"
) -> Page:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        has_touch=size == PHONE,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    await page.goto(url)
    await page.get_by_text("docbot is online").wait_for(state="attached")
    return page


async def _post(page: Page, name: str, title: str, text: str) -> None:
    await _write_post(page, name, title, text)
    await page.get_by_role("button", name="Helpful").wait_for()


async def _write_post(page: Page, name: str, title: str, text: str) -> None:
    await act_as(page, name)
    await page.get_by_role("link", name="New post").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Details").fill(text)
    await page.get_by_role("button", name="Post", exact=True).click()


async def _say(page: Page, text: str) -> None:
    await page.get_by_label("Reply").press_sequentially(text)
    await page.keyboard.press("Enter")


async def _go_to(page: Page, channel: str) -> None:
    await page.get_by_role("list", name="Channels").get_by_role("link", name=channel).click()


async def _picture(page: Page, path: Path) -> None:
    await page.mouse.move(0, 0)  # nothing is pointed at
    await page.screenshot(path=path)


async def main() -> None:
    path = find_chromium()
    if path is None:
        sys.exit("no Chromium on this machine; install it (apt install chromium) and try again")
    FOLDER.mkdir(exist_ok=True)
    async with chromium(path) as browser, demo() as running:
        await take(browser, running, FOLDER)


if __name__ == "__main__":
    asyncio.run(main())
