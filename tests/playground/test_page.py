import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands

import docbot.playground.page
from docbot.playground.actors import Member
from docbot.playground.objects import Payload, Permission, Thread
from docbot.playground.page import DocPage, chat_commands, is_own, page_routes, rendered
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.playground.conftest import PATIENCE, Bot, Recorder
from tests.playground.test_interactions import Buttons, Call

FOLDER = Path(docbot.playground.page.__file__).with_name("page")
PAGES = {
    "running": DocPage(
        "Running", "# Running\n\n## Binding a forum {#binding-a-forum}\n\nUse it.\n"
    ),
    "a%20b": DocPage("Spaces", "Words."),
}


async def find_page(address: str) -> DocPage | None:
    return PAGES.get(address)


@pytest.fixture
async def playground(clock: Clock, recorder: Recorder) -> AsyncIterator[Playground]:
    """The playground with its page."""
    opening = Playground.open(clock=clock, routes=lambda opened: page_routes(opened, find_page))
    async with opening as opened:
        opened.record(recorder.frame, recorder.exchange)
        yield opened
    assert recorder.problems == []


class Browser:
    """What the script of the page does, without a screen."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(
        self, method: str, path: str, body: Payload | None = None, *, by: Member | None = None
    ) -> tuple[int, Any]:
        params = {"as": str(by.id)} if by else {}
        async with self.session.request(
            method, f"/api/page/{path}", json=body, params=params
        ) as response:
            return response.status, await response.json()

    async def done(
        self, method: str, path: str, body: Payload | None = None, *, by: Member | None = None
    ) -> Any:
        status, answer = await self.ask(method, path, body, by=by)
        assert status < 300, answer
        return answer

    @asynccontextmanager
    async def feed(self, by: Member) -> AsyncIterator["Feed"]:
        async with self.session.ws_connect("/api/page/feed", params={"as": str(by.id)}) as socket:
            yield Feed(socket)


class Feed:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, kind: str, wanted: Callable[[Payload], bool] = lambda _: True) -> Payload:
        """Return the next event of a kind that is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event: Payload = await self.socket.receive_json()
                if event["type"] == kind and wanted(event):
                    return event

    async def message(self, wanted: Callable[[Payload], bool] = lambda _: True) -> Payload:
        event = await self.next("message", lambda event: wanted(event["message"]))
        shown: Payload = event["message"]
        return shown

    async def ended(self) -> int:
        """Wait until the server ends it; return how many events came before."""
        async with asyncio.timeout(PATIENCE):
            return len([event async for event in self.socket])


@pytest.fixture
async def browser(playground: Playground) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(playground.url) as session:
        yield Browser(session)


@pytest.fixture
def ada(playground: Playground) -> Member:
    return playground.members[0]


@pytest.fixture
def ben(playground: Playground) -> Member:
    return playground.members[1]


@pytest.fixture
async def thread(playground: Playground, ada: Member) -> Thread:
    return await ada.post(playground.forum, "How do I retry?", "It fails.", ["question"])


def said(playground: Playground, thread: Thread) -> list[str]:
    return [message.content for message in playground.world.messages_of(thread.id)]


# The files


async def test_every_file_that_the_page_names_is_served(browser: Browser) -> None:
    async with browser.session.get("/") as response:
        index = await response.text()
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
    waiting, seen = re.findall(r'(?:src|href)="(/page/[^"]+)"', index), set[str]()
    assert waiting
    while waiting:
        path = waiting.pop()
        seen.add(path)
        async with browser.session.get(path) as response:
            assert response.status == 200, path
            text = await response.text()
        imported = [f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
        waiting += [each for each in imported if each not in seen]
    served = {path.removeprefix("/page/") for path in seen}
    assert served == {path.name for path in FOLDER.iterdir() if path.suffix != ".html"}


def test_no_file_of_the_page_parses_html_runs_text_or_asks_elsewhere() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|\beval\(|Function\(", text), path
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=\"", text), path
        assert not re.search(r"https?://\w", text), path


@pytest.mark.parametrize("name", ["docs.html", "no.js", "..%2Fpage.py", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_served(browser: Browser, name: str) -> None:
    async with browser.session.get(f"/page/{name}") as response:
        assert response.status == 404


# Who may ask


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("127.0.0.1:80", None, True),
        ("localhost:8080", "http://localhost:8080", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("evil.example:8080", None, False),
        ("evil.example:8080", "http://evil.example:8080", False),
        ("localhost.evil.example", None, False),
        ("127.0.0.1:80", "http://127.0.0.1:81", False),
        ("127.0.0.1:80", "https://evil.example", False),
        ("127.0.0.1:80", "null", False),
        ("", None, False),
        ("[", None, False),
    ],
)
def test_only_this_machines_own_page_may_ask(host: str, origin: str | None, own: bool) -> None:
    assert is_own(host, origin) is own


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
async def test_a_foreign_page_reads_and_changes_nothing(
    playground: Playground, browser: Browser, headers: dict[str, str]
) -> None:
    body = {"title": "Spam", "text": "Spam"}
    session = browser.session
    async with session.post("/api/page/threads", json=body, headers=headers) as response:
        assert (response.status, list(await response.json())) == (403, ["error"])
    for path in ("/", "/page/page.js", "/docs/running", "/api/page/state"):
        async with session.get(path, headers=headers) as response:
            assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect("/api/page/feed", headers=headers)
    assert playground.world.threads == {}


async def test_a_form_of_another_page_is_no_json(browser: Browser) -> None:
    async with browser.session.post(
        "/api/page/threads",
        data='{"title": "a", "text": "b"}',
        headers={"Content-Type": "text/plain"},
    ) as response:
        assert response.status == 400


@pytest.mark.parametrize("who", ["0", "x"])
async def test_nobody_acts_as_a_stranger(browser: Browser, who: str) -> None:
    async with browser.session.get("/api/page/state", params={"as": who}) as response:
        assert response.status == 400


async def test_nobody_acts_as_the_bot(playground: Playground, browser: Browser) -> None:
    async with browser.session.get(
        "/api/page/state", params={"as": str(playground.bot.id)}
    ) as response:
        assert response.status == 400


# Posts and replies


async def test_the_state_names_the_people_and_the_posts_newest_first(
    playground: Playground, browser: Browser, thread: Thread, ben: Member
) -> None:
    await ben.post(playground.forum, "Second", "Words.")
    state = await browser.done("GET", "state")
    assert [each["title"] for each in state["threads"]] == ["Second", "How do I retry?"]
    assert state["threads"][1]["tags"] == ["question"]
    assert state["me"] == str(playground.members[0].id)
    people = {each["name"]: each["title"] for each in state["people"]}
    assert (people["Olga"], people["Mina"]) == ("administrator", "moderator")
    assert people["Ada"] == people["docbot"] == ""


async def test_a_person_posts_and_replies_through_the_page(
    playground: Playground, browser: Browser, ben: Member
) -> None:
    posted = {"title": "New", "text": "A *question*.", "tags": ["bug"]}
    made = await browser.done("POST", "threads", posted, by=ben)
    thread = playground.world.get_thread(int(made["id"]))
    assert (thread.name, thread.owner_id) == ("New", ben.id)
    reply = {"text": "More.", "reply_to": made["id"]}
    await browser.done("POST", f"places/{thread.id}/messages", reply, by=ben)
    read = await browser.done("GET", f"places/{thread.id}", by=ben)
    first, second = read["messages"]
    assert (first["text"], second["text"]) == ("A *question*.", "More.")
    assert second["reply_to"] == {"id": first["id"], "author": "Ben", "text": "A *question*."}


async def test_what_discord_refuses_is_said_in_its_words(
    playground: Playground, browser: Browser, thread: Thread, ben: Member
) -> None:
    path = f"places/{thread.id}/messages"
    status, answer = await browser.ask("POST", path, {"text": "x" * 2001})
    assert status == 400
    assert "2000" in answer["error"]
    first = f"messages/{thread.id}"
    assert (await browser.ask("PATCH", first, {"text": "Mine now."}, by=ben))[0] == 403
    assert (await browser.ask("DELETE", first, by=ben))[0] == 403
    assert (await browser.ask("PATCH", f"threads/{thread.id}", {"locked": True}))[0] == 403
    assert said(playground, thread) == ["It fails."]


@pytest.mark.parametrize(
    "body",
    [
        {"title": "No text"},
        {"title": 1, "text": "x"},
        {"title": "t", "text": "x", "tags": [1]},
        {"title": "t", "text": "x", "tags": ["unknown"]},
    ],
)
async def test_a_wrong_body_is_refused_with_a_reason(
    playground: Playground, browser: Browser, body: Payload
) -> None:
    status, answer = await browser.ask("POST", "threads", body)
    assert (status, list(answer)) == (400, ["error"])
    assert playground.world.threads == {}


async def test_a_post_is_renamed_archived_locked_and_deleted(
    playground: Playground, browser: Browser, thread: Thread
) -> None:
    path, admin = f"threads/{thread.id}", playground.admin
    await browser.done("PATCH", path, {"title": "Renamed"})
    await browser.done("PATCH", path, {"archived": True})
    await browser.done("PATCH", path, {"locked": True}, by=admin)
    assert (thread.name, thread.archived, thread.locked) == ("Renamed", True, True)
    await browser.done("PATCH", path, {"archived": False}, by=admin)
    await browser.done("PATCH", path, {"locked": False}, by=admin)
    assert (thread.archived, thread.locked) == (False, False)
    await browser.done("DELETE", path, by=admin)
    assert thread.id not in playground.world.threads


async def test_tags_are_changed_by_the_author_and_by_moderators(
    playground: Playground, browser: Browser, thread: Thread, ben: Member
) -> None:
    path, tags = f"threads/{thread.id}", playground.forum.tags
    solved = tags[2]
    solved.moderated = True

    def applied() -> list[str]:
        return [tag.name for tag in tags if tag.id in thread.applied_tags]

    assert (await browser.ask("PATCH", path, {"tags": ["bug"]}, by=ben))[0] == 403
    assert (await browser.ask("PATCH", path, {"tags": ["solved"]}))[0] == 400
    assert (await browser.ask("PATCH", path, {"tags": ["unknown"]}))[0] == 400
    await browser.done("PATCH", path, {"tags": ["bug"]})
    assert applied() == ["bug"]
    await browser.done("PATCH", path, {"tags": ["solved"]}, by=playground.moderator)
    await browser.done("PATCH", path, {"tags": ["question", "solved"]})
    assert applied() == ["question", "solved"]
    state = await browser.done("GET", "state")
    assert state["forum"]["tags"][2] == {"name": "solved", "moderated": True}
    await browser.done("PATCH", path, {"tags": []})
    assert applied() == []


async def test_a_message_is_edited_and_deleted(
    playground: Playground, browser: Browser, ada: Member, thread: Thread
) -> None:
    message = await ada.reply(thread, "Tpyo.")
    await browser.done("PATCH", f"messages/{message.id}", {"text": "Typo."})
    assert said(playground, thread) == ["It fails.", "Typo."]
    await browser.done("DELETE", f"messages/{message.id}")
    assert said(playground, thread) == ["It fails."]
    assert (await browser.ask("DELETE", f"messages/{message.id}"))[0] == 404


# The feed


async def test_the_feed_tells_of_all_that_happens_to_a_post(
    playground: Playground, browser: Browser, ada: Member, ben: Member
) -> None:
    async with browser.feed(ben) as feed:
        thread = await ada.post(playground.forum, "New", "First.")
        assert (await feed.next("place"))["thread"]["title"] == "New"
        assert (await feed.message())["text"] == "First."
        await ada.type(thread)
        assert (await feed.next("typing"))["user_id"] == str(ada.id)
        reply = await ada.reply(thread, "Second.")
        assert (await feed.message())["text"] == "Second."
        assert (await feed.next("place"))["thread"]["replies"] == 1
        await ada.edit(reply, "Changed.")
        changed = await feed.message()
        assert (changed["text"], changed["edited"]) == ("Changed.", True)
        await ada.delete(reply)
        assert (await feed.next("message_deleted"))["id"] == str(reply.id)
        spam = [await ben.reply(thread, "Buy!"), await ben.reply(thread, "Now!")]
        await playground.moderator.clear(spam)
        for each in spam:
            assert (await feed.next("message_deleted"))["id"] == str(each.id)
        await ada.archive(thread)
        await feed.next("place", lambda event: event["thread"]["archived"])
        await playground.admin.delete_thread(thread)
        assert (await feed.next("thread_deleted"))["id"] == str(thread.id)


async def test_the_feed_leaves_out_what_the_person_may_not_see(
    playground: Playground, browser: Browser, ada: Member, thread: Thread
) -> None:
    second = playground.add_town("Elsewhere")
    async with browser.feed(ada) as feed, browser.feed(playground.helper) as helpers:
        await playground.helper.type(playground.staff)
        await playground.helper.send(playground.staff, "Among us.")
        await second.members[0].send(second.text, "Elsewhere.")
        await ada.reply(thread, "Here.")
        assert (await feed.message())["text"] == "Here."
        assert (await helpers.message())["text"] == "Among us."


async def test_the_feed_says_when_the_server_or_the_bot_changes(
    playground: Playground, browser: Browser, ada: Member
) -> None:
    world = playground.world
    async with browser.feed(ada) as feed:
        playground.add_member("Dan")
        await feed.next("server")
        world.emit("bot_connected", {})
        assert (await feed.next("bot"))["online"]
        world.delete_tag(playground.forum, "bug")
        await feed.next("server")
        world.delete_role(playground.town.helpers)
        await feed.next("server")


# Channels and direct messages


async def test_a_person_is_shown_the_channels_that_are_open_to_it(
    playground: Playground, browser: Browser, ada: Member
) -> None:
    for person, names in (
        (ada, ["help", "general"]),
        (playground.helper, ["help", "general", "staff"]),
    ):
        state = await browser.done("GET", "state", by=person)
        assert [channel["name"] for channel in state["channels"]] == names
    people = {each["name"]: each["title"] for each in state["people"]}
    assert people["Hana"] == "helper"
    assert [role["name"] for role in state["roles"] if role["mine"]] == ["Helpers"]
    suggested = [role["name"] for role in state["roles"] if role["suggested"]]
    assert suggested == ["Moderators", "Helpers"]


async def test_a_channel_is_written_in_and_followed_like_a_post(
    playground: Playground, browser: Browser, ada: Member, ben: Member
) -> None:
    path = f"places/{playground.text.id}"
    async with browser.feed(ben) as feed:
        await browser.done("POST", f"{path}/typing", {}, by=ada)
        assert (await feed.next("typing"))["place_id"] == str(playground.text.id)
        made = await browser.done("POST", f"{path}/messages", {"text": "Hello."}, by=ada)
        event = await feed.next("message")
        assert (event["message"]["text"], event["is_new"]) == ("Hello.", True)
        assert (await feed.next("place"))["channel"]["name"] == "general"
        await browser.done("PATCH", f"messages/{made['id']}", {"text": "Hello!"}, by=ada)
        assert not (await feed.next("message"))["is_new"]
    read = await browser.done("GET", path, by=ben)
    assert [message["text"] for message in read["messages"]] == ["Hello!"]
    assert read["channel"]["kind"] == "text"


async def test_a_hidden_channel_is_neither_read_nor_written_in(
    playground: Playground, browser: Browser, ada: Member
) -> None:
    path = f"places/{playground.staff.id}"
    assert (await browser.ask("GET", path, by=ada))[0] == 403
    status, _ = await browser.ask("POST", f"{path}/messages", {"text": "Let me in."}, by=ada)
    assert status == 403


async def test_calls_of_the_bot_work_in_a_channel_as_in_a_post(
    commanded: Bot, playground: Playground, browser: Browser, ada: Member, ben: Member
) -> None:
    path = f"places/{playground.text.id}"
    offered = await browser.done("GET", f"{path}/commands")
    assert ([one["name"] for one in offered["chat"]], offered["message"]) == (
        ["search"],
        ["Explain"],
    )
    channel = commanded.get_channel(playground.text.id)
    assert isinstance(channel, discord.TextChannel)
    async with browser.feed(ada) as feed:
        options = {"query": "retries", "who": str(ben.id)}
        await browser.done("POST", f"{path}/slash", {"name": "search", "options": options})
        answer = await feed.message(lambda message: not message["loading"])
        assert (answer["text"], answer["ephemeral"]) == ("retries 5 False ben", True)
        sent = await channel.send("Well?", view=Buttons())
        await browser.done("POST", f"messages/{sent.id}/menu", {"name": "Explain"})
        await feed.message(lambda message: message["text"] == "About: Well?")
        opened = await browser.done("POST", f"messages/{sent.id}/press", {"custom_id": "why"})
        assert opened["form"]["title"] == "What was wrong?"
        await browser.done("POST", f"messages/{sent.id}/press", {"custom_id": "update"})
        await feed.message(lambda message: message["text"] == "updated")


async def test_a_direct_message_is_shown_to_its_recipient_alone(
    bot: Bot, playground: Playground, browser: Browser, ada: Member, ben: Member
) -> None:
    async with browser.feed(ada) as feed, browser.feed(ben) as other:
        channel = await bot.create_dm(discord.Object(ada.id))
        await channel.send("psst")
        shown = await feed.message()
        assert (shown["text"], shown["is_direct"], shown["place_id"]) == (
            "psst",
            True,
            str(channel.id),
        )
        assert (await feed.next("place"))["channel"] == {"id": str(channel.id), "kind": "direct"}
        await ada.send(playground.text, "For all.")
        assert (await other.message())["text"] == "For all."
    path = f"places/{channel.id}"
    assert (await browser.ask("GET", path, by=ben))[0] == 403
    assert len((await browser.done("GET", path, by=ada))["messages"]) == 1
    await browser.done("POST", f"{path}/messages", {"text": "And?"}, by=ada)
    assert [(await bot.next_message()).content for _ in range(2)] == ["For all.", "And?"]
    state = await browser.done("GET", "state", by=ada)
    assert state["channels"][-1]["kind"] == "direct"


async def test_slow_mode_is_said_with_the_seconds_that_are_left(
    playground: Playground, browser: Browser
) -> None:
    await playground.admin.slow_down(playground.text, 30)
    path = f"places/{playground.text.id}/messages"
    await browser.done("POST", path, {"text": "First."})
    status, answer = await browser.ask("POST", path, {"text": "Second."})
    assert status == 429
    assert re.fullmatch(r"Slow mode is on here: write again in (29|30) s\.", answer["error"])


async def test_the_page_outlives_its_forum(
    playground: Playground, browser: Browser, thread: Thread
) -> None:
    await playground.admin.delete_channel(playground.forum)
    state = await browser.done("GET", "state")
    assert (state["threads"], len(state["channels"])) == ([], 1)
    status, _ = await browser.ask("POST", "threads", {"title": "t", "text": "x"})
    assert status == 404


async def test_pings_and_files_are_shown_for_what_they_are(
    bot: Bot, playground: Playground, browser: Browser, ada: Member
) -> None:
    helpers = playground.town.helpers
    playground.world.edit_role(playground.town.bot_role, Permission.ADMINISTRATOR)
    channel = bot.get_channel(playground.text.id)
    assert isinstance(channel, discord.TextChannel)
    files = [
        discord.File(io.BytesIO(content), name)
        for name, content in (
            ("run.py", b"print()"),
            ("notes", "\u00fc".encode()),
            ("a.png", b"\x89PNG"),
            ("b.zip", b"PK\x00\x00"),
        )
    ]
    allowed = discord.AllowedMentions(roles=[discord.Object(helpers.id)])
    await channel.send(f"<@&{helpers.id}> look", files=files, allowed_mentions=allowed)
    [shown] = (await browser.done("GET", f"places/{channel.id}"))["messages"]
    assert shown["pinged"] == [str(helpers.id)]
    kinds = [(file["name"], file["is_text"], file["is_image"]) for file in shown["files"]]
    assert kinds == [
        ("run.py", True, False),
        ("notes", True, False),
        ("a.png", False, True),
        ("b.zip", False, False),
    ]
    async with browser.session.get(shown["files"][0]["path"]) as response:
        assert await response.text() == "print()"
        assert shown["files"][0]["bytes"] == 7


async def test_a_browser_that_falls_far_behind_starts_afresh(
    playground: Playground, browser: Browser, ada: Member, ben: Member, thread: Thread
) -> None:
    async with browser.feed(ben) as feed:
        playground.world.typing(thread.id, ada.id)
        for _ in range(1000):  # each tells of the message and of its thread
            await ada.reply(thread, "Words.")
        assert await feed.ended() == 1001
    async with browser.feed(ben) as feed:
        await ada.reply(thread, "Still there?")
        assert (await feed.message())["text"] == "Still there?"


async def test_the_feeds_end_with_the_playground() -> None:
    async with aiohttp.ClientSession() as session:
        async with Playground.open(routes=page_routes) as playground:
            socket = await session.ws_connect(f"{playground.url}/api/page/feed")
        async with asyncio.timeout(PATIENCE):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


# Calls of the bot


async def run_search(
    interaction: Call, query: str, limit: int = 5, deep: bool = False, who: str = ""
) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.followup.send(f"{query} {limit} {deep} {who}", ephemeral=True)


def search_command() -> app_commands.Command[Any, ..., Any]:
    async def search(
        interaction: discord.Interaction,
        query: str,
        who: discord.Member,
        limit: int = 5,
        deep: bool = False,
    ) -> None:
        await run_search(interaction, query, limit, deep, who.name)

    async def complete(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"All of {typed}", value=typed * 2)]

    command: app_commands.Command[Any, ..., Any] = app_commands.Command(
        name="search", description="Find pages", callback=search
    )
    command.autocomplete("query")(complete)
    return command


@pytest.fixture
async def commanded(playground: Playground, bot: Bot) -> Bot:
    guild = discord.Object(playground.guild.id)
    bot.tree.add_command(search_command(), guild=guild)
    bot.tree.add_command(app_commands.ContextMenu(name="Explain", callback=explain), guild=guild)
    await bot.tree.sync(guild=guild)
    return bot


async def explain(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"About: {message.content}")


async def bots_message(bot: Bot, thread: Thread, **fields: Any) -> discord.Message:
    channel = await bot.fetch_channel(thread.id)
    assert isinstance(channel, discord.Thread)
    return await channel.send(**fields)


async def test_a_command_with_options_is_answered_to_its_caller_alone(
    commanded: Bot, browser: Browser, ada: Member, ben: Member, thread: Thread
) -> None:
    [listed] = (await browser.done("GET", f"places/{thread.id}/commands"))["chat"]
    assert [option["name"] for option in listed["options"]] == ["query", "who", "limit", "deep"]
    options = {"query": "retries", "who": str(ben.id), "limit": 3, "deep": True}
    async with browser.feed(ada) as feed, browser.feed(ben) as other:
        call = {"name": "search", "options": options}
        assert await browser.done("POST", f"places/{thread.id}/slash", call) == {}
        answer = await feed.message(lambda message: not message["loading"])
        assert (answer["text"], answer["ephemeral"]) == ("retries 3 True ben", True)
        assert answer["command"] == {"name": "/search", "of": ada.name}
        await ada.reply(thread, "For all.")
        assert (await other.message())["text"] == "For all."
    read = await browser.done("GET", f"places/{thread.id}", by=ben)
    assert all(not message["ephemeral"] for message in read["messages"])


async def test_a_command_for_the_administrator_is_named_apart(
    bot: Bot, browser: Browser, playground: Playground, ada: Member, thread: Thread
) -> None:
    command = {
        "name": "reload",
        "description": "Take in",
        "default_member_permissions": str(int(Permission.MANAGE_GUILD)),
    }
    playground.interactions.set_commands(None, [command])
    listed = await browser.done("GET", f"places/{thread.id}/commands", by=ada)
    assert (listed["chat"], [one["name"] for one in listed["others"]]) == ([], ["reload"])
    listed = await browser.done("GET", f"places/{thread.id}/commands", by=playground.admin)
    assert ([one["name"] for one in listed["chat"]], listed["others"]) == (["reload"], [])


async def test_what_a_command_does_not_take_is_refused(
    commanded: Bot, browser: Browser, thread: Thread
) -> None:
    path = f"places/{thread.id}/slash"
    for name, options in (
        ("search", {}),
        ("search", {"query": "x", "who": "nobody"}),
        ("search", {"query": "x", "who": "1"}),
        ("search", {"query": "x", "limit": "many"}),
        ("unknown", {}),
    ):
        assert (await browser.ask("POST", path, {"name": name, "options": options}))[0] == 400


async def test_the_bot_completes_an_option(
    commanded: Bot, browser: Browser, thread: Thread
) -> None:
    body = {"name": "search", "option": "query", "typed": "ab", "options": {}}
    answer = await browser.done("POST", f"places/{thread.id}/autocomplete", body)
    assert answer["choices"] == [{"name": "All of ab", "value": "abab"}]


async def test_a_command_of_a_messages_menu_runs(
    commanded: Bot, browser: Browser, ada: Member, thread: Thread
) -> None:
    assert (await browser.done("GET", f"places/{thread.id}/commands"))["message"] == ["Explain"]
    async with browser.feed(ada) as feed:
        await browser.done("POST", f"messages/{thread.id}/menu", {"name": "Explain"})
        assert (await feed.message())["text"] == "About: It fails."


async def test_a_pressed_button_may_open_a_form_that_is_sent_once_filled_in(
    bot: Bot, browser: Browser, ada: Member, ben: Member, thread: Thread
) -> None:
    sent = await bots_message(bot, thread, content="Well?", view=Buttons())
    opened = await browser.done("POST", f"messages/{sent.id}/press", {"custom_id": "why"})
    form = opened["form"]
    assert form["title"] == "What was wrong?"
    field = re.search(r"'custom_id': '(\w+)'", str(form["components"]))
    assert field is not None
    values = {field[1]: "Everything"}
    stolen, _ = await browser.ask("POST", f"forms/{form['id']}", {"values": values}, by=ben)
    assert stolen == 404
    async with browser.feed(ada) as feed:
        await browser.done("POST", f"forms/{form['id']}", {"values": values})
        assert (await feed.message())["text"] == "You said: Everything"


async def test_a_choice_in_a_select_reaches_the_bot(
    bot: Bot, browser: Browser, ada: Member, thread: Thread
) -> None:
    sent = await bots_message(bot, thread, content="Well?", view=Buttons())
    async with browser.feed(ada) as feed:
        pick = {"custom_id": "pick", "values": ["2"]}
        await browser.done("POST", f"messages/{sent.id}/press", pick)
        assert (await feed.message())["text"] == "picked ['2']"


async def test_a_disabled_button_cannot_be_pressed(
    bot: Bot, browser: Browser, thread: Thread
) -> None:
    sent = await bots_message(bot, thread, content="Well?", view=Buttons())
    status, _ = await browser.ask("POST", f"messages/{sent.id}/press", {"custom_id": "off"})
    assert status == 400


@pytest.mark.check
async def test_an_application_that_is_away_does_not_respond(
    playground: Playground, browser: Browser, thread: Thread
) -> None:
    playground.interactions.set_commands(None, [{"name": "ping", "description": "Test"}])
    status, answer = await browser.ask("POST", f"places/{thread.id}/slash", {"name": "ping"})
    assert (status, answer) == (504, {"error": "The application did not respond."})


def test_subcommands_are_listed_by_their_whole_name() -> None:
    option = {"name": "id", "type": 3}
    leaf = {"name": "add", "description": "Add one", "type": 1, "options": [option]}
    group = {"name": "forum", "description": "", "type": 2, "options": [leaf]}
    command = {"name": "docbot", "description": "", "options": [group]}
    plain = {"name": "ping", "description": "Pong"}
    assert chat_commands([command, plain]) == [
        {"name": "docbot forum add", "description": "Add one", "options": [option]},
        {"name": "ping", "description": "Pong", "options": []},
    ]


# Documentation


async def test_a_page_of_the_documentation_has_the_anchors_that_links_name(
    browser: Browser,
) -> None:
    async with browser.session.get("/docs/running") as response:
        text = await response.text()
    assert '<h2 id="binding-a-forum">Binding a forum</h2>' in text
    assert text.count("<h1") == 1
    assert 'href="/"' in text


async def test_an_address_reaches_the_documentation_as_links_quote_it(browser: Browser) -> None:
    async with browser.session.get("/docs/a b") as response:
        assert "<h1>Spaces</h1>" in await response.text()


async def test_a_page_that_is_not_there_is_said_so(browser: Browser) -> None:
    async with browser.session.get("/docs/nowhere") as response:
        assert response.status == 404
        assert "No such page" in await response.text()


def test_documentation_brings_no_html_scripts_or_images_of_its_own() -> None:
    shown = rendered(
        "<i>T</i>", "<script>x</script>\n\n[a](javascript:x) ![b](https://x.example/y.png)"
    )
    assert "<script" not in shown
    assert "<i>" not in shown
    assert 'href="javascript' not in shown
    assert "<img" not in shown


def test_tables_and_code_of_the_documentation_are_shown() -> None:
    shown = rendered("T", "| a | b |\n|---|---|\n| 1 | `2` |\n\n```python\nx = 1\n```\n")
    assert "<td>1</td>" in shown
    assert '<code class="language-python">x = 1' in shown
