"""The page of the local forum: read it, act in it, and follow it live in a browser.

Whatever a visitor does goes through a `Member`, so the page can do what a person
can do at Discord and no more. Only this machine's own pages are served: a foreign
Host (DNS rebinding) or Origin (a post from another site) is refused.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from math import ceil
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from docbot.errors import GoneError, TransientError, UsageError
from docbot.playground.actors import Invocation, Member, OptionValue
from docbot.playground.interactions import ACKNOWLEDGE_SECONDS, Callback, CommandKind
from docbot.playground.objects import (
    Attachment,
    Channel,
    DirectChannel,
    DiscordError,
    Message,
    MessageKind,
    Payload,
    Permission,
    Role,
    Thread,
    User,
)
from docbot.playground.server import Playground
from docbot.playground.world import Place, World

_FOLDER = Path(__file__).with_name("page")
_API = "/api/page"
_CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_OWN_HOSTS = frozenset(("127.0.0.1", "localhost", "::1"))
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # a newer docbot on the same port must not meet an old script
}
_STATUS: dict[type[Exception], HTTPStatus] = {
    UsageError: HTTPStatus.BAD_REQUEST,
    LookupError: HTTPStatus.BAD_REQUEST,  # what nobody could do at Discord, as actors say it
    GoneError: HTTPStatus.NOT_FOUND,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_FEED_EVENTS = 1000  # a browser that falls behind by more starts afresh
_HEARTBEAT_SECONDS = 20.0
_OPEN_FORMS = 100  # modals on visitors' screens; the oldest is forgotten

_SUBCOMMAND, _GROUP = 1, 2
_STRING, _INTEGER, _BOOLEAN, _USER, _CHANNEL, _ROLE, _MENTIONABLE, _NUMBER = range(3, 11)

_SERVER_EVENTS = ("GUILD_MEMBER_", "GUILD_ROLE_", "CHANNEL_")  # how their names begin
_PLACE_EVENTS = {  # which field names the thread or channel
    "THREAD_CREATE": "id",
    "THREAD_UPDATE": "id",
    "MESSAGE_CREATE": "channel_id",
    "MESSAGE_UPDATE": "channel_id",
    "MESSAGE_DELETE": "channel_id",
    "MESSAGE_DELETE_BULK": "channel_id",
    "TYPING_START": "channel_id",
}

_HEADING_ANCHOR = re.compile(r"\s*\{#([^{}\s]+)\}\s*$")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class DocPage:
    """A page of documentation, for those who follow a link of an answer."""

    title: str
    markdown: str


# Takes the address below `/docs/`, without its fragment and quoted as links have it.
FindPage = Callable[[str], Awaitable[DocPage | None]]


def page_routes(playground: Playground, find_page: FindPage | None = None) -> list[web.RouteDef]:
    """Build the routes of the page, of what it asks for, and of the documentation."""
    page = _Page(playground)
    playground.app.on_shutdown.append(page.end_feeds)
    docs = _Docs(find_page)
    thread, message = f"{_API}/threads/{{thread_id:\\d+}}", f"{_API}/messages/{{message_id:\\d+}}"
    place = f"{_API}/places/{{place_id:\\d+}}"
    handlers: list[tuple[str, str, Handler]] = [
        ("GET", "/", _index),
        ("GET", "/page/{name}", _static_file),
        ("GET", "/docs/{address:.*}", docs.show),
        ("GET", f"{_API}/feed", page.feed),
        ("GET", f"{_API}/state", page.state),
        ("POST", f"{_API}/threads", page.post),
        ("PATCH", thread, page.edit_thread),
        ("DELETE", thread, page.delete_thread),
        ("GET", place, page.place),
        ("GET", f"{place}/commands", page.commands),
        ("POST", f"{place}/messages", page.send),
        ("POST", f"{place}/typing", page.typing),
        ("POST", f"{place}/slash", page.slash),
        ("POST", f"{place}/autocomplete", page.autocomplete),
        ("PATCH", message, page.edit_message),
        ("DELETE", message, page.delete_message),
        ("POST", f"{message}/press", page.press),
        ("POST", f"{message}/menu", page.menu),
        ("POST", f"{_API}/forms/{{form_id:\\d+}}", page.submit_form),
    ]
    return [web.route(method, path, _served(handler)) for method, path, handler in handlers]


# What every request goes through


def _served(handler: Handler) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        response = await _answered(request, handler)
        if not response.prepared:  # a web socket has sent its headers
            response.headers.update(_HEADERS)
        return response

    return serve


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_own(request.headers.get("Host", ""), request.headers.get("Origin")):
        return _error(HTTPStatus.FORBIDDEN, "This page is served to this machine alone.")
    try:
        return await handler(request)
    except DiscordError as error:
        return _error(error.status, _reason(error))
    except TimeoutError:
        return _error(HTTPStatus.GATEWAY_TIMEOUT, "The application did not respond.")
    except tuple(_STATUS) as error:
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        return _error(status, str(error))


def is_own(host: str, origin: str | None) -> bool:
    """Whether a request was meant for this machine and, if a page made it, for that page's server."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name in _OWN_HOSTS and origin in {None, f"http://{host}"}


def _reason(error: DiscordError) -> str:
    if error.retry_after is not None:
        return f"Slow mode is on here: write again in {ceil(error.retry_after)} s."
    return error.message.rpartition("\n")[2]


def _error(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)


async def _body(request: web.Request) -> Payload:
    # Another site cannot send this type without asking first, which is never allowed.
    if request.content_type != "application/json":
        raise UsageError("the body must be JSON, with that content type")
    try:
        body = await request.json()
    except ValueError as error:
        raise UsageError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise UsageError("the body must be a JSON object")
    return body


def _text(body: Payload, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a text")
    return value


def _texts(body: Payload, name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{name} must be a list of texts")
    return values


def _table(body: Payload, name: str) -> Payload:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{name} must be an object")
    return value


# Files of the page


async def _index(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_FOLDER / "index.html")


async def _static_file(request: web.Request) -> web.StreamResponse:
    path = _FOLDER / Path(request.match_info["name"]).name
    content_type = _CONTENT_TYPES.get(path.suffix)
    if content_type is None or not path.is_file():
        raise GoneError(f"there is no file {path.name}")
    return web.FileResponse(path, headers={"Content-Type": f"{content_type}; charset=utf-8"})


class _Docs:
    """Shows the documentation that answers link to."""

    def __init__(self, find_page: FindPage | None) -> None:
        self._find_page = find_page
        self._template = Template((_FOLDER / "docs.html").read_text("utf-8"))

    async def show(self, request: web.Request) -> web.Response:
        address = request.rel_url.raw_path.removeprefix("/docs/")
        page = await self._find_page(address) if self._find_page else None
        status = HTTPStatus.OK if page else HTTPStatus.NOT_FOUND
        page = page or DocPage("No such page", "The documentation that was read has no such page.")
        text = self._template.substitute(
            title=escape(page.title), body=rendered(page.title, page.markdown)
        )
        return web.Response(text=text, status=status, content_type="text/html")


def rendered(title: str, markdown: str) -> str:
    """Render documentation as HTML: none of its own HTML, and the anchors that headings name."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.core.ruler.before("inline", "anchors", _take_anchors)
    body = str(parser.render(markdown))
    return body if "<h1" in body else f"<h1>{escape(title)}</h1>\n{body}"


def _take_anchors(state: StateCore) -> None:
    """Make ids of the `{#anchor}` at the ends of headings."""
    for opening, content in zip(state.tokens, state.tokens[1:], strict=False):
        stated = _HEADING_ANCHOR.search(content.content)
        if opening.type == "heading_open" and stated:
            opening.attrSet("id", stated[1])
            content.content = content.content[: stated.start()]


# Reading and acting


class _Page:
    """What the script of the page asks for; `?as=` names the person who asks."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self._world = playground.world
        self._forms: OrderedDict[int, Invocation] = OrderedDict()
        self._feeds: set[_Feed] = set()

    async def state(self, request: web.Request) -> web.Response:
        member, playground = self._acting(request), self._playground
        world, guild, forum = self._world, playground.guild, playground.forum
        granted = world.guild_permissions(member.id, guild.id)
        return web.json_response(
            {
                "me": str(member.id),
                "may": {
                    "manage_threads": Permission.MANAGE_THREADS in granted,
                    "manage_messages": Permission.MANAGE_MESSAGES in granted,
                },
                "people": [_person_view(playground, each.user) for each in guild.members.values()],
                "roles": [_role_view(role, member) for role in guild.roles.values()],
                "channels": [_channel_view(channel) for channel in self._channels(member)],
                "bot": {"id": str(playground.bot.id), "online": playground.gateway.connected},
                "forum": {
                    "name": forum.name,
                    "tags": [{"name": tag.name, "moderated": tag.moderated} for tag in forum.tags],
                },
                "threads": [_thread_view(self._world, each) for each in self._threads(member)],
            }
        )

    async def place(self, request: web.Request) -> web.Response:
        member, place = self._acting(request), self._place(request)
        messages = [_message_view(message) for message in member.reads(place)]
        return web.json_response({"messages": messages, **_place_view(self._world, place)})

    async def post(self, request: web.Request) -> web.Response:
        member, body = self._acting(request), await _body(request)
        tags = _texts(body, "tags")
        thread = await member.post(
            self._playground.forum, _text(body, "title"), _text(body, "text"), tags
        )
        return web.json_response({"id": str(thread.id)}, status=HTTPStatus.CREATED)

    async def edit_thread(self, request: web.Request) -> web.Response:
        member, thread, body = self._acting(request), self._thread(request), await _body(request)
        if "title" in body:
            await member.rename(thread, _text(body, "title"))
        if "tags" in body:
            await member.tag(thread, *_texts(body, "tags"))
        if "archived" in body:
            await (member.archive if body["archived"] else member.unarchive)(thread)
        if "locked" in body:
            await (member.lock if body["locked"] else member.unlock)(thread)
        return web.json_response({})

    async def delete_thread(self, request: web.Request) -> web.Response:
        await self._acting(request).delete_thread(self._thread(request))
        return web.json_response({})

    async def send(self, request: web.Request) -> web.Response:
        member, place, body = self._acting(request), self._place(request), await _body(request)
        target = body.get("reply_to")
        replied = self._world.get_message(place.id, _number(target, "reply_to")) if target else None
        message = await member.send(place, _text(body, "text"), reply_to=replied)
        return web.json_response({"id": str(message.id)}, status=HTTPStatus.CREATED)

    async def typing(self, request: web.Request) -> web.Response:
        await self._acting(request).type(self._place(request))
        return web.json_response({})

    async def edit_message(self, request: web.Request) -> web.Response:
        body = await _body(request)
        await self._acting(request).edit(self._message(request), _text(body, "text"))
        return web.json_response({})

    async def delete_message(self, request: web.Request) -> web.Response:
        await self._acting(request).delete(self._message(request))
        return web.json_response({})

    # Calls of the bot

    async def commands(self, request: web.Request) -> web.Response:
        """List the commands that the person may use there: typed ones, and those of messages' menus.

        `others` are those that the owner alone of the two would find when typing.
        """
        member, place = self._acting(request), self._place(request)
        chat, menu = (
            self._commands(member, place, kind) for kind in (CommandKind.CHAT, CommandKind.MESSAGE)
        )
        owners = self._commands(self._playground.admin, place, CommandKind.CHAT)
        return web.json_response(
            {
                "chat": chat_commands(chat),
                "others": chat_commands(each for each in owners if each not in chat),
                "message": [command["name"] for command in menu],
            }
        )

    async def slash(self, request: web.Request) -> web.Response:
        member, place, body = self._acting(request), self._place(request), await _body(request)
        options = self._options(member, place, body)
        return await self._outcome(await member.slash(place, _text(body, "name"), **options))

    async def autocomplete(self, request: web.Request) -> web.Response:
        member, place, body = self._acting(request), self._place(request), await _body(request)
        option, typed = _text(body, "option"), _text(body, "typed")
        call = await member.autocomplete(
            place, _text(body, "name"), option, typed, **self._options(member, place, body)
        )
        return web.json_response({"choices": await call.choices(ACKNOWLEDGE_SECONDS)})

    async def press(self, request: web.Request) -> web.Response:
        member, body = self._acting(request), await _body(request)
        values = _texts(body, "values") if "values" in body else None
        message = self._message(request)
        return await self._outcome(await member.press(message, _text(body, "custom_id"), values))

    async def menu(self, request: web.Request) -> web.Response:
        member, body = self._acting(request), await _body(request)
        return await self._outcome(
            await member.message_menu(self._message(request), _text(body, "name"))
        )

    async def submit_form(self, request: web.Request) -> web.Response:
        member, body = self._acting(request), await _body(request)
        call = self._forms.get(int(request.match_info["form_id"]))
        if call is None or call.interaction.user is not member.user:
            raise GoneError("this form is no longer open")
        return await self._outcome(await member.submit_modal(call, _table(body, "values")))

    async def _outcome(self, call: Invocation) -> web.Response:
        """Tell of the form to show, if any; messages come through the feed."""
        if await call.acknowledged(ACKNOWLEDGE_SECONDS) is not Callback.MODAL:
            return web.json_response({})
        self._forms[call.interaction.id] = call
        if len(self._forms) > _OPEN_FORMS:
            self._forms.popitem(last=False)
        modal = await call.modal()
        form = {
            "id": str(call.interaction.id),
            "title": modal.title,
            "components": modal.components,
        }
        return web.json_response({"form": form})

    # The feed

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """Tell the browser of every change for as long as it listens."""
        feed = _Feed(self._playground, self._acting(request))
        self._feeds.add(feed)
        try:
            return await feed.serve(request)
        finally:
            self._feeds.discard(feed)

    async def end_feeds(self, _app: web.Application) -> None:
        for feed in self._feeds:
            feed.end()

    # What a request names

    def _acting(self, request: web.Request) -> Member:
        stated = request.query.get("as")
        if not stated:
            return self._playground.members[0]
        membership = self._playground.guild.members.get(_number(stated, "as"))
        if membership is None or membership.user.bot:
            raise UsageError(f"nobody with the id {stated} can be acted as")
        return Member(self._playground.interactions, membership)

    def _threads(self, member: Member) -> list[Thread]:
        threads = self._world.threads_of(self._playground.forum.id)
        return [thread for thread in threads if self._world.sees(member.id, thread.id)]

    def _channels(self, member: Member) -> list[Channel | DirectChannel]:
        every = self._world.channels_of(self._playground.guild.id)
        direct = self._world.find_direct_channel(member.id)
        seen = [channel for channel in every if self._world.sees(member.id, channel.id)]
        return [*seen, *([direct] if direct else [])]

    def _place(self, request: web.Request) -> Place:
        return self._world.get_channel(int(request.match_info["place_id"]))

    def _thread(self, request: web.Request) -> Thread:
        return self._world.get_thread(int(request.match_info["thread_id"]))

    def _message(self, request: web.Request) -> Message:
        message = self._world.messages.get(int(request.match_info["message_id"]))
        if message is None or message.deleted:
            raise GoneError("this message was deleted")
        return message

    def _commands(self, member: Member, place: Place, kind: CommandKind) -> list[Payload]:
        return self._playground.interactions.commands_for(place.guild_id, member.id, kind)

    def _options(self, member: Member, place: Place, body: Payload) -> dict[str, OptionValue]:
        """Turn what was filled in into what the command takes."""
        name, given = _text(body, "name"), _table(body, "options")
        known = {
            each["name"]: each
            for each in chat_commands(self._commands(member, place, CommandKind.CHAT))
        }
        if name not in known:
            raise UsageError(f"there is no command /{name}")
        kinds = {option["name"]: option["type"] for option in known[name]["options"]}
        return {
            option: self._option_value(option, kinds.get(option, _STRING), value)
            for option, value in given.items()
        }

    def _option_value(self, name: str, kind: int, value: Any) -> OptionValue:
        if kind in {_INTEGER, _NUMBER}:
            return _number(value, name) if kind == _INTEGER else _decimal(value, name)
        if kind == _BOOLEAN:
            return value is True
        if kind == _CHANNEL:
            place = self._world.get_channel(_number(value, name))
            if isinstance(place, DirectChannel):
                raise UsageError(f"{name}: direct messages are no channel of the server")
            return place
        if kind in {_USER, _ROLE, _MENTIONABLE}:
            known: Mapping[int, User | Role] = {
                **self._world.users,
                **self._playground.guild.roles,
            }
            found = known.get(_number(value, name))
            if found is None:
                raise UsageError(f"{name}: there is nobody with the id {value}")
            return found
        return str(value)


class _Feed:
    """One browser that follows the server as one person; what it is told waits in a queue."""

    def __init__(self, playground: Playground, member: Member) -> None:
        self._world = playground.world
        self._guild_id = playground.guild.id
        self._forum_id = playground.forum.id
        self._member = member
        self._queue: asyncio.Queue[Payload | None] = asyncio.Queue()
        self._ended = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=1024)
        await socket.prepare(request)
        async with self._listening(), asyncio.TaskGroup() as group:
            group.create_task(self._write(socket))
            async for _ in socket:  # it has nothing to say; this ends when it goes
                pass
            self.end()
        return socket

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        unsubscribe = self._world.subscribe(self._hear)
        try:
            yield
        finally:
            unsubscribe()

    async def _write(self, socket: web.WebSocketResponse) -> None:
        with suppress(ConnectionResetError):  # the browser went in between
            while (event := await self._queue.get()) is not None:
                await socket.send_json(event)
            await socket.close()

    def _hear(self, name: str, payload: Payload) -> None:
        if self._queue.qsize() >= _FEED_EVENTS:
            self.end()
        if not self._ended:
            for event in self._events(name, payload):
                self._queue.put_nowait(event)

    def _events(self, name: str, payload: Payload) -> Iterable[Payload]:
        """Turn a change of the world into what this person sees of it."""
        if name in {"bot_connected", "bot_disconnected"}:
            yield {"type": "bot", "online": name == "bot_connected"}
        elif name.startswith(_SERVER_EVENTS):
            yield {"type": "server"}
        elif name == "THREAD_DELETE" and int(payload["parent_id"]) == self._forum_id:
            yield {"type": "thread_deleted", "id": payload["id"]}
        elif name in _PLACE_EVENTS:
            place = self._find(int(payload[_PLACE_EVENTS[name]]))
            if place is not None:
                yield from self._events_within(place, name, payload)

    def _events_within(self, place: Place, name: str, payload: Payload) -> Iterable[Payload]:
        if name == "TYPING_START":
            yield {"type": "typing", "place_id": str(place.id), "user_id": payload["user_id"]}
            return
        if name in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
            message = self._world.messages[int(payload["id"])]
            if message.ephemeral_to in {None, self._member.id}:
                is_new = name == "MESSAGE_CREATE"
                yield {"type": "message", "message": _message_view(message), "is_new": is_new}
        elif name == "MESSAGE_DELETE":
            yield {"type": "message_deleted", "id": payload["id"], "place_id": str(place.id)}
        elif name == "MESSAGE_DELETE_BULK":
            for message_id in payload["ids"]:
                yield {"type": "message_deleted", "id": message_id, "place_id": str(place.id)}
        yield {"type": "place", **_place_view(self._world, place)}

    def _find(self, place_id: int) -> Place | None:
        """Return a place that the page shows and this person may see."""
        if not self._world.sees(self._member.id, place_id):
            return None
        place = self._world.get_channel(place_id)
        if isinstance(place, Thread):
            return place if place.parent_id == self._forum_id else None
        return place if place.guild_id in {self._guild_id, None} else None


# How things look to the script; ids are texts, times milliseconds since 1970


def _person_view(playground: Playground, user: User) -> Payload:
    title = "" if user.bot else _title(playground, user)
    return {"id": str(user.id), "name": user.name, "bot": user.bot, "title": title}


def _title(playground: Playground, user: User) -> str:
    guild = playground.guild
    if user.id == guild.owner_id:
        return "administrator"
    if Permission.MANAGE_THREADS in playground.world.guild_permissions(user.id, guild.id):
        return "moderator"
    return "helper" if playground.town.helpers.id in guild.members[user.id].role_ids else ""


def _role_view(role: Role, member: Member) -> Payload:
    everyone = role.id == role.guild_id
    return {
        "id": str(role.id),
        "name": role.name.removeprefix("@"),
        "suggested": not everyone and role.bot_id is None,
        "mine": role.id in member.membership.role_ids,
    }


def _place_view(world: World, place: Place) -> Payload:
    if isinstance(place, Thread):
        return {"thread": _thread_view(world, place)}
    return {"channel": _channel_view(place)}


def _channel_view(channel: Channel | DirectChannel) -> Payload:
    shown: Payload = {"id": str(channel.id), "kind": channel.kind.name.lower()}
    if isinstance(channel, Channel):
        shown |= {"name": channel.name, "topic": channel.topic or ""}
    return shown


def _thread_view(world: World, thread: Thread) -> Payload:
    shown = thread.payload()
    tags = {tag.id: tag.name for tag in world.channels[thread.parent_id].tags}
    return {
        "id": shown["id"],
        "title": thread.name,
        "author_id": str(thread.owner_id),
        "created_at": _milliseconds(thread.created_at),
        "replies": shown["message_count"],
        "archived": thread.archived,
        "locked": thread.locked,
        "tags": [tags[one] for one in thread.applied_tags if one in tags],
    }


def _message_view(message: Message) -> Payload:
    shown = message.payload()
    # What answers a call is filled in by an edit; people do not see that as one.
    edited = message.edited_at is not None and message.interaction is None
    is_typed = message.kind is MessageKind.SLASH_COMMAND
    return {
        "id": shown["id"],
        "place_id": shown["channel_id"],
        "is_direct": message.guild_id is None,
        "author": {
            "id": str(message.author.id),
            "name": message.author.name,
            "bot": message.author.bot,
        },
        "text": message.content,
        "created_at": _milliseconds(message.created_at),
        "edited": edited,
        "ephemeral": message.ephemeral,
        "loading": message.loading,
        "reply_to": _reply_view(message),
        "command": {
            "name": f"/{message.command}" if is_typed else message.command,
            "of": shown["interaction_metadata"]["user"]["global_name"],
        }
        if message.command and not message.reply_to
        else None,
        "embeds": message.embeds,
        "components": message.components,
        "pinged": [*shown["mention_roles"], *(user["id"] for user in shown["mentions"])],
        "files": [_file_view(file) for file in message.attachments],
    }


def _file_view(file: Attachment) -> Payload:
    is_image = file.content_type.startswith("image/")
    return {
        "name": file.filename,
        "path": urlsplit(file.url).path,
        "bytes": len(file.content),
        "is_image": is_image,
        "is_text": not is_image and _is_text(file.content),
    }


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _reply_view(message: Message) -> Payload | None:
    if message.reply_to is None:
        return None
    target = message.referenced
    if target is None or target.deleted:
        return {"id": str(message.reply_to), "author": None, "text": ""}
    return {
        "id": str(target.id),
        "author": target.author.name,
        "text": target.content,
    }


def chat_commands(commands: Iterable[Payload]) -> list[Payload]:
    """List what can be typed after `/`; a subcommand has the name of the way to it."""
    listed: list[Payload] = []
    for command in commands:
        inner = [one for one in command.get("options", ()) if one["type"] in {_SUBCOMMAND, _GROUP}]
        if inner:
            named = [one | {"name": f"{command['name']} {one['name']}"} for one in inner]
            listed += chat_commands(named)
        else:
            shown = {key: command[key] for key in ("name", "description")}
            listed.append(shown | {"options": command.get("options", [])})
    return listed


def _number(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: {value!r} is no whole number") from error


def _decimal(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: {value!r} is no number") from error


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
