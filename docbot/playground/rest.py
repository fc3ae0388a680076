"""The playground's REST API: Discord's routes that a help bot needs, answered from the world.

Every request is kept for a while (`requests`); what a real Discord would not
know, a route or a field, is refused and written down in `violations`.
"""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from mimetypes import MimeTypes
from typing import Any

from aiohttp import BodyPartReader, hdrs, web

from docbot.playground.checks import UNKNOWN_FIELD, check_direct_channel, invalid
from docbot.playground.faults import Faults, RestFault
from docbot.playground.interactions import Callback, Interaction, Interactions
from docbot.playground.limits import Limits
from docbot.playground.objects import Attachment, DiscordError, Message, Payload, Thread
from docbot.playground.world import World, without_content

PREFIX = "/api/v10"
KEPT_REQUESTS = 5_000
BODY_BYTES = 110 * 1024 * 1024  # ten files of 10 MiB and some room
VIA = "1.1 google"  # the real client takes a 429 without it for Cloudflare's

UNKNOWN_ROUTE = "unknown"
_TYPES = MimeTypes()  # without those that this machine knows besides
_DENIED = "<html><title>Access denied</title></html>"

Answer = tuple[int, Any]
NOTHING: Answer = (204, None)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer, for tests and benchmarks."""

    method: str
    route: str  # as in the documentation, without the version
    path: str
    query: Mapping[str, str]
    body: Any
    status: int  # 0: the connection was broken instead
    answer: Any
    began: float  # time.monotonic()
    seconds: float
    files: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """The body of a request as it was read; `problem`: it could not be."""

    body: Any
    files: Sequence[Attachment] = ()
    problem: DiscordError | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the handlers see it."""

    ids: Mapping[str, int]
    token: str
    query: Mapping[str, str]
    body: Any
    files: Sequence[Attachment] = ()

    @property
    def fields(self) -> Payload:
        """The body, where it must be an object."""
        if not isinstance(self.body, dict):
            raise invalid("_", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return self.body

    def number(self, name: str) -> int | None:
        value = self.query.get(name)
        if value is None:
            return None
        if not value.isdigit():
            raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return int(value)

    def limit(self, otherwise: int) -> int:
        limit = self.number("limit")
        if limit is not None and not 1 <= limit <= 100:
            raise invalid("limit", "NUMBER_TYPE_MAX", "Must be between 1 and 100.")
        return limit or otherwise


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: an answer in JSON, a page of HTML, or nothing on a broken connection."""

    status: int
    answer: Any = None
    headers: Mapping[str, str] | None = None
    page: str | None = None
    page_type: str = "text/html"

    def response(self) -> web.Response:
        if self.page is not None:
            return web.Response(
                status=self.status,
                body=self.page.encode(),
                headers=self.headers,
                content_type=self.page_type,
            )
        if self.answer is None:
            return web.Response(status=self.status or 500, headers=self.headers)
        # No charset: the real client compares the content type as a whole.
        body = json.dumps(self.answer, separators=(",", ":")).encode()
        return web.Response(
            status=self.status, body=body, headers=self.headers, content_type="application/json"
        )


BROKEN = Reply(0)
Handler = Callable[[Call], Answer]
Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    route: str
    handler: Handler
    with_token: bool = True  # false: the route's own token is enough

    @property
    def path(self) -> str:
        """The route for aiohttp; ids are digits, so that others meet no endpoint."""
        return PREFIX + re.sub(r"\{(\w+_id)\}", r"{\1:\\d+}", self.route)


class Rest:
    def __init__(
        self, world: World, interactions: Interactions, faults: Faults, limits: Limits
    ) -> None:
        self.world = world
        self.interactions = interactions
        self.faults = faults
        self.limits = limits
        self.gateway_url = ""  # the server sets it
        self.requests: deque[Exchange] = deque(maxlen=KEPT_REQUESTS)
        self.violations: deque[str] = deque(maxlen=1000)
        # 401, 403 and 429 but for shared limits; 10,000 in ten minutes are a ban.
        self.invalid_requests = 0
        self.on_exchange: Callable[[Exchange], None] | None = None

    def routes(self) -> list[web.RouteDef]:
        routes = [
            web.route(endpoint.method, endpoint.path, self._server(endpoint))
            for endpoint in self.endpoints()
        ]
        files = "/attachments/{channel_id}/{attachment_id}/{name}"
        unknown = Endpoint("*", UNKNOWN_ROUTE, self._unknown, with_token=False)
        return [
            *routes,
            web.get(files, self._send_file),
            web.route("*", "/api{rest:.*}", self._server(unknown)),
        ]

    def endpoints(self) -> list[Endpoint]:
        channel, message = "/channels/{channel_id}", "/channels/{channel_id}/messages/{message_id}"
        guild, application = "/guilds/{guild_id}", "/applications/{application_id}"
        webhook = "/webhooks/{application_id}/{token}"
        everywhere, here = f"{application}/commands", f"{application}/guilds/{{guild_id}}/commands"
        return [
            Endpoint("GET", "/gateway", self._gateway, with_token=False),
            Endpoint("GET", "/gateway/bot", self._gateway_bot),
            Endpoint("GET", "/users/@me", self._me),
            Endpoint("GET", "/users/@me/guilds", self._my_guilds),
            Endpoint("POST", "/users/@me/channels", self._open_direct_channel),
            Endpoint("GET", "/users/{user_id}", self._user),
            Endpoint("GET", "/applications/@me", self._application),
            Endpoint("GET", "/oauth2/applications/@me", self._application),
            Endpoint("GET", guild, self._guild),
            Endpoint("GET", f"{guild}/channels", self._guild_channels),
            Endpoint("GET", f"{guild}/roles", self._roles),
            Endpoint("GET", f"{guild}/members/{{user_id}}", self._member),
            Endpoint("GET", f"{guild}/threads/active", self._active_threads),
            Endpoint("GET", channel, self._channel),
            Endpoint("PATCH", channel, self._edit_channel),
            Endpoint("DELETE", channel, self._delete_channel),
            Endpoint("POST", f"{channel}/typing", self._typing),
            Endpoint("GET", f"{channel}/messages", self._messages),
            Endpoint("POST", f"{channel}/messages", self._send),
            Endpoint("GET", message, self._message),
            Endpoint("PATCH", message, self._edit),
            Endpoint("DELETE", message, self._delete),
            Endpoint("POST", f"{message}/threads", self._thread_on_message),
            Endpoint("POST", f"{channel}/threads", self._create_thread),
            Endpoint("GET", f"{channel}/threads/archived/public", self._archived_threads),
            Endpoint("PUT", f"{channel}/thread-members/@me", self._join_thread),
            Endpoint("PUT", f"{channel}/thread-members/{{user_id}}", self._add_to_thread),
            Endpoint("GET", everywhere, self._commands),
            Endpoint("PUT", everywhere, self._set_commands),
            Endpoint("POST", everywhere, self._add_command),
            Endpoint("DELETE", f"{everywhere}/{{command_id}}", self._delete_command),
            Endpoint("GET", here, self._commands),
            Endpoint("PUT", here, self._set_commands),
            Endpoint("POST", here, self._add_command),
            Endpoint("DELETE", f"{here}/{{command_id}}", self._delete_command),
            Endpoint(
                "POST",
                "/interactions/{interaction_id}/{token}/callback",
                self._respond,
                with_token=False,
            ),
            Endpoint("POST", webhook, self._follow_up, with_token=False),
            Endpoint("GET", f"{webhook}/messages/@original", self._response, with_token=False),
            Endpoint(
                "PATCH", f"{webhook}/messages/@original", self._edit_response, with_token=False
            ),
            Endpoint(
                "DELETE", f"{webhook}/messages/@original", self._delete_response, with_token=False
            ),
            Endpoint("GET", f"{webhook}/messages/{{message_id}}", self._response, with_token=False),
            Endpoint(
                "PATCH", f"{webhook}/messages/{{message_id}}", self._edit_response, with_token=False
            ),
            Endpoint(
                "DELETE",
                f"{webhook}/messages/{{message_id}}",
                self._delete_response,
                with_token=False,
            ),
        ]

    # One request

    def _server(self, endpoint: Endpoint) -> Serve:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, endpoint)

        return serve

    async def _serve(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        began = time.monotonic()
        path = request.path.removeprefix(PREFIX)
        incoming = await self._read(request)
        fault = self.faults.take(request.method, path)
        reply: Reply | None = None
        if fault and not fault.after_effect:
            reply = await self._strike(fault)
        if reply is None:
            reply = self._reply(request, endpoint, incoming)
            if fault and fault.after_effect:
                reply = await self._strike(fault) or reply
        self._record(request, endpoint, incoming, reply, began)
        if reply is BROKEN and request.transport is not None:
            request.transport.abort()
        return reply.response()

    def _reply(
        self,
        request: web.Request,
        endpoint: Endpoint,
        incoming: Incoming,
    ) -> Reply:
        verdict = self.limits.take(
            f"{request.method} {endpoint.route}",
            _major(request.match_info),
            time.monotonic(),
            counts_globally=endpoint.with_token,
        )
        if verdict.retry_after is not None:
            scope = "global" if verdict.everywhere else "user"
            return _rate_limited(verdict.retry_after, scope, verdict.headers)
        try:
            if endpoint.with_token and not self._authorized(request):
                raise DiscordError(401, 0, "401: Unauthorized")
            if incoming.problem is not None:
                raise incoming.problem
            status, answer = endpoint.handler(_call(request, incoming))
        except DiscordError as error:
            self._note_violation(request, endpoint, error)
            status, answer = error.status, error.payload()
        return Reply(status, answer, verdict.headers)

    def _authorized(self, request: web.Request) -> bool:
        given = request.headers.get(hdrs.AUTHORIZATION)
        return given == f"Bot {self.world.application.token}"

    async def _read(self, request: web.Request) -> Incoming:
        """Read JSON, or a form whose part `payload_json` is the JSON."""
        files: list[Attachment] = []
        try:
            if request.content_type == "multipart/form-data":
                body = await self._read_form(request, files)
            else:
                text = await request.text()
                body = json.loads(text) if text else {}
        except ValueError:
            problem = DiscordError(400, 50109, "The request body contains invalid JSON.")
            return Incoming({}, (), problem)
        return Incoming(body, _described(files, body))

    async def _read_form(self, request: web.Request, files: list[Attachment]) -> Any:
        body: Any = {}
        place_id = int(request.match_info.get("channel_id", 0))
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            content = bytes(await part.read())
            if part.name == "payload_json":
                body = json.loads(content)
            else:
                name = part.filename or "file"
                kind = _content_type(name)
                files.append(self.world.attachment(name, content, kind, place_id))
        return body

    async def _strike(self, fault: RestFault) -> Reply | None:
        """Let a fault happen; None: the true answer follows."""
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault.hold is not None:
            await fault.hold.wait()
        if fault.reset or (fault.hold is not None and fault.hold.dropped):
            return BROKEN
        if fault.cloudflare:
            wait = fault.retry_after
            headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
            return Reply(fault.status or 429, headers=headers, page=_DENIED)
        if fault.garble is not None:
            kind = "text/html" if fault.garble == "page" else "application/json"
            page = _DENIED if fault.garble == "page" else '{"id": "1'
            return Reply(200, page=page, page_type=kind)
        if fault.retry_after is not None:
            return _rate_limited(fault.retry_after, fault.scope, {})
        if fault.status is not None:
            message = fault.message or f"{fault.status}: an error that was asked for"
            return Reply(fault.status, {"message": message, "code": fault.code})
        return None

    def _record(
        self,
        request: web.Request,
        endpoint: Endpoint,
        incoming: Incoming,
        reply: Reply,
        began: float,
    ) -> None:
        shared = (reply.headers or {}).get("X-RateLimit-Scope") == "shared"
        self.invalid_requests += reply.status in {401, 403, 429} and not shared
        exchange = Exchange(
            request.method,
            endpoint.route,
            request.path.removeprefix(PREFIX),
            dict(request.query),
            incoming.body,
            reply.status,
            reply.page or reply.answer,
            began,
            time.monotonic() - began,
            len(incoming.files),
        )
        self.requests.append(exchange)
        if self.on_exchange:
            self.on_exchange(exchange)

    def _note_violation(
        self, request: web.Request, endpoint: Endpoint, error: DiscordError
    ) -> None:
        not_json = error.code == 50109
        if endpoint.route == UNKNOWN_ROUTE or not_json or UNKNOWN_FIELD in repr(error.errors):
            self.violations.append(f"{request.method} {request.path}: {error.message}")

    def _unknown(self, _call: Call) -> Answer:
        raise DiscordError(404, 0, "404: Not Found")

    async def _send_file(self, request: web.Request) -> web.StreamResponse:
        """Serve an attachment, as Discord's content network does."""
        url = f"{self.world.files_url}{request.path}"
        for message in self.world.messages.values():
            for file in message.attachments:
                if file.url == url:
                    # Shown in a page, never as one: it stands on the page's own address.
                    headers = {"Content-Disposition": "attachment"}
                    return web.Response(
                        body=file.content, content_type=file.content_type, headers=headers
                    )
        raise web.HTTPNotFound

    # The bot itself

    @property
    def _bot_id(self) -> int:
        return self.world.bot.id

    def _gateway(self, _call: Call) -> Answer:
        return 200, {"url": self.gateway_url}

    def _gateway_bot(self, _call: Call) -> Answer:
        limit = self.limits.starts.payload(self.world.clock())
        return 200, {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    def _me(self, _call: Call) -> Answer:
        return 200, self.world.bot.private_payload()

    def _my_guilds(self, _call: Call) -> Answer:
        return 200, [
            {
                "id": str(guild.id),
                "name": guild.name,
                "icon": None,
                "banner": None,
                "owner": guild.owner_id == self._bot_id,
                "permissions": str(int(self.world.guild_permissions(self._bot_id, guild.id))),
                "features": guild.payload()["features"],
            }
            for guild in self.world.guilds.values()
            if self._bot_id in guild.members
        ]

    def _user(self, call: Call) -> Answer:
        user = self.world.users.get(call.ids["user_id"])
        if user is None:
            raise DiscordError(404, 10013, "Unknown User")
        return 200, user.payload()

    def _open_direct_channel(self, call: Call) -> Answer:
        check_direct_channel(call.fields)
        return 200, self.world.open_direct_channel(int(call.fields["recipient_id"])).payload()

    def _application(self, _call: Call) -> Answer:
        return 200, self.world.application.payload()

    # Guilds

    def _joined(self, call: Call) -> int:
        """Return the guild's id, if the bot is in it."""
        guild = self.world.get_guild(call.ids["guild_id"])
        if self._bot_id not in guild.members:
            raise DiscordError(403, 50001, "Missing Access")
        return guild.id

    def _guild(self, call: Call) -> Answer:
        guild = self.world.get_guild(self._joined(call))
        body = guild.payload()
        if call.query.get("with_counts") in {"1", "true", "True"}:
            body["approximate_member_count"] = len(guild.members)
            body["approximate_presence_count"] = len(guild.members)
        return 200, body

    def _guild_channels(self, call: Call) -> Answer:
        channels = self.world.channels_of(self._joined(call))
        return 200, [channel.payload() for channel in channels]

    def _roles(self, call: Call) -> Answer:
        roles = self.world.get_guild(self._joined(call)).roles.values()
        return 200, [role.payload() for role in roles]

    def _member(self, call: Call) -> Answer:
        return 200, self.world.get_member(self._joined(call), call.ids["user_id"]).payload()

    def _active_threads(self, call: Call) -> Answer:
        threads = self.world.active_threads(self._joined(call), self._bot_id)
        return 200, self._thread_list(threads, has_more=False)

    # Channels and threads

    def _channel(self, call: Call) -> Answer:
        place = self.world.visible(call.ids["channel_id"], self._bot_id)
        if isinstance(place, Thread):
            return 200, place.payload(self._bot_id)
        return 200, place.payload()

    def _edit_channel(self, call: Call) -> Answer:
        channel_id = call.ids["channel_id"]
        if channel_id in self.world.threads:
            thread = self.world.edit_thread(channel_id, self._bot_id, call.fields)
            return 200, thread.payload(self._bot_id)
        self.world.get_channel(channel_id)
        return 200, self.world.edit_channel(channel_id, self._bot_id, call.fields).payload()

    def _delete_channel(self, call: Call) -> Answer:
        return 200, self.world.delete_channel(call.ids["channel_id"], self._bot_id)

    def _typing(self, call: Call) -> Answer:
        self.world.typing(call.ids["channel_id"], self._bot_id)
        return NOTHING

    def _create_thread(self, call: Call) -> Answer:
        channel_id = call.ids["channel_id"]
        if "message" not in call.fields:
            thread = self.world.create_thread(channel_id, self._bot_id, call.fields)
            return 201, thread.payload(self._bot_id)
        thread, message = self.world.create_post(channel_id, self._bot_id, call.fields, call.files)
        body = thread.payload(self._bot_id)
        return 201, body | ({"message": message.payload()} if message else {})

    def _thread_on_message(self, call: Call) -> Answer:
        thread = self.world.create_thread(
            call.ids["channel_id"], self._bot_id, call.fields, call.ids["message_id"]
        )
        return 201, thread.payload(self._bot_id)

    def _archived_threads(self, call: Call) -> Answer:
        threads, has_more = self.world.archived_threads(
            call.ids["channel_id"],
            self._bot_id,
            before=_moment(call.query.get("before")),
            limit=call.limit(50),
        )
        return 200, self._thread_list(threads, has_more=has_more)

    def _thread_list(self, threads: Sequence[Thread], *, has_more: bool) -> Payload:
        bot_id = self._bot_id
        joined = [thread for thread in threads if bot_id in thread.member_ids]
        return {
            "threads": [thread.payload(bot_id) for thread in threads],
            "members": [thread.member_payload(bot_id) for thread in joined],
            "has_more": has_more,
        }

    def _join_thread(self, call: Call) -> Answer:
        self.world.join_thread(call.ids["channel_id"], self._bot_id)
        return NOTHING

    def _add_to_thread(self, call: Call) -> Answer:
        self.world.add_to_thread(call.ids["channel_id"], self._bot_id, call.ids["user_id"])
        return NOTHING

    # Messages

    def _shown(self, message: Message) -> Payload:
        body = message.payload()
        meant = message.guild_id is None or self.world.bot in message.mentions
        own = message.author.id == self._bot_id
        allowed = meant or own or self.world.application.message_content
        return body if allowed else without_content(body)

    def _messages(self, call: Call) -> Answer:
        messages = self.world.history(
            call.ids["channel_id"],
            self._bot_id,
            before=call.number("before"),
            after=call.number("after"),
            around=call.number("around"),
            limit=call.limit(50),
        )
        return 200, [self._shown(message) for message in messages]

    def _message(self, call: Call) -> Answer:
        channel_id, message_id = call.ids["channel_id"], call.ids["message_id"]
        return 200, self._shown(self.world.read_message(channel_id, message_id, self._bot_id))

    def _send(self, call: Call) -> Answer:
        channel_id = call.ids["channel_id"]
        message = self.world.send_message(channel_id, self._bot_id, call.fields, call.files)
        return 200, message.payload()

    def _edit(self, call: Call) -> Answer:
        channel_id, message_id = call.ids["channel_id"], call.ids["message_id"]
        message = self.world.edit_message(
            channel_id, message_id, self._bot_id, call.fields, call.files
        )
        return 200, message.payload()

    def _delete(self, call: Call) -> Answer:
        self.world.delete_message(call.ids["channel_id"], call.ids["message_id"], self._bot_id)
        return NOTHING

    # Commands

    def _scope(self, call: Call) -> int | None:
        """Return the guild whose commands are meant, None for the global ones."""
        if call.ids["application_id"] != self.world.application.id:
            raise DiscordError(403, 20012, "You are not authorized to perform this action")
        return self._joined(call) if "guild_id" in call.ids else None

    def _commands(self, call: Call) -> Answer:
        return 200, self.interactions.commands.get(self._scope(call), [])

    def _set_commands(self, call: Call) -> Answer:
        if not isinstance(call.body, list):
            raise invalid("_", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return 200, self.interactions.set_commands(self._scope(call), call.body)

    def _add_command(self, call: Call) -> Answer:
        scope = self._scope(call)
        known = len(self.interactions.commands.get(scope, []))
        command = self.interactions.add_command(scope, call.fields)
        return (201 if len(self.interactions.commands[scope]) > known else 200), command

    def _delete_command(self, call: Call) -> Answer:
        self.interactions.delete_command(self._scope(call), call.ids["command_id"])
        return NOTHING

    # Interactions

    def _respond(self, call: Call) -> Answer:
        interaction = self.interactions.respond(
            call.ids["interaction_id"], call.token, call.fields, call.files
        )
        if call.query.get("with_response") not in {"1", "true", "True"}:
            return NOTHING
        return 200, _callback_payload(interaction)

    def _follow_up(self, call: Call) -> Answer:
        message = self.interactions.follow_up(call.token, call.fields, call.files)
        if call.query.get("wait") not in {"1", "true", "True"}:
            return NOTHING
        return 200, message.payload()

    def _response_message(self, call: Call) -> Message:
        if "message_id" in call.ids:
            return self.interactions.message(call.token, call.ids["message_id"])
        return self.interactions.original(call.token)

    def _response(self, call: Call) -> Answer:
        return 200, self._response_message(call).payload()

    def _edit_response(self, call: Call) -> Answer:
        message = self._response_message(call)
        return 200, self.interactions.edit(call.token, message, call.fields, call.files).payload()

    def _delete_response(self, call: Call) -> Answer:
        self.interactions.delete(call.token, self._response_message(call))
        return NOTHING


def _call(request: web.Request, incoming: Incoming) -> Call:
    ids = {key: int(value) for key, value in request.match_info.items() if key.endswith("_id")}
    token = request.match_info.get("token", "")
    return Call(ids, token, request.query, incoming.body, incoming.files)


def _major(match: Mapping[str, str]) -> str:
    """Name what a bucket belongs to besides its route."""
    return match.get("channel_id") or match.get("guild_id") or match.get("token") or ""


def _rate_limited(retry_after: float, scope: str, headers: Mapping[str, str]) -> Reply:
    answer = {
        "message": "You are being rate limited.",
        "retry_after": round(retry_after, 3),
        "global": scope == "global",
    }
    told = {
        "Retry-After": str(int(retry_after) + 1),
        "X-RateLimit-Scope": scope,
        "Via": VIA,
    }
    return Reply(429, answer, {**headers, **told})


def _callback_payload(call: Interaction) -> Payload:
    interaction: Payload = {
        "id": str(call.id),
        "type": int(call.kind),
        "channel_id": str(call.channel_id),
    }
    if call.guild_id is not None:
        interaction["guild_id"] = str(call.guild_id)
    body: Payload = {"interaction": interaction}
    if call.response is not None:
        interaction["response_message_id"] = str(call.response.id)
        interaction["response_message_loading"] = call.response.loading
        interaction["response_message_ephemeral"] = call.response.ephemeral
    if call.callback in {Callback.MESSAGE, Callback.UPDATE} and call.response is not None:
        body["resource"] = {"type": int(call.callback), "message": call.response.payload()}
    return body


def _described(files: Sequence[Attachment], body: Any) -> list[Attachment]:
    """Give each file the description that the message has for its number."""
    outer = body if isinstance(body, dict) else {}
    message = outer.get("message") or outer.get("data") or outer
    notes = message.get("attachments") or ()
    described = {str(note.get("id")): note.get("description") for note in notes}
    return [
        replace(file, description=described.get(str(number))) for number, file in enumerate(files)
    ]


def _content_type(name: str) -> str:
    """Tell by the name, as Discord does: what the client says of a file is the same for all."""
    return _TYPES.guess_type(name)[0] or "application/octet-stream"


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise invalid("before", "DATE_TYPE_PARSE", "Not a well formed ISO8601 date") from error
