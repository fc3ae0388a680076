"""The playground: a local Discord that the real client connects to.

One web server with the REST API, the gateway and whatever pages are added to
it, and a small world to begin with. Nothing leaves this machine.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from docbot.playground.actors import Member
from docbot.playground.faults import Faults
from docbot.playground.gateway import FrameHook, Gateway
from docbot.playground.interactions import ACKNOWLEDGE_SECONDS, Interactions
from docbot.playground.limits import Limits
from docbot.playground.objects import (
    NO_PERMISSIONS,
    Application,
    Channel,
    ChannelKind,
    Guild,
    Permission,
    Role,
    User,
)
from docbot.playground.rest import BODY_BYTES, PREFIX, Exchange, Rest
from docbot.playground.world import NONCE_SECONDS, Clock, World

HOST = "127.0.0.1"
TOKEN = "playground.token.of-no-value"  # noqa: S105 - it opens nothing but the playground
FOUNDED = 1_704_067_200.0  # 2024-01-01: what is there at the start has the same ids each time
OWNER = "Olga"
FORUM_TAGS = ("question", "bug", "solved")
BOT_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MANAGE_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
)

ExtraRoutes = Callable[["Playground"], Iterable[web.AbstractRouteDef]]


@dataclass(frozen=True, slots=True)
class Town:
    """A guild as it is at the start."""

    guild: Guild
    forum: Channel
    text: Channel
    staff: Channel  # hidden from ordinary members
    bot_role: Role
    moderators: Role
    helpers: Role  # not mentionable by ordinary members
    admin: Member
    moderator: Member
    helper: Member
    members: tuple[Member, ...]


@dataclass(slots=True, eq=False)
class Playground:
    """A running stand-in of Discord; `open` starts one and ends it."""

    world: World
    interactions: Interactions
    faults: Faults
    gateway: Gateway
    rest: Rest
    limits: Limits
    town: Town
    app: web.Application
    url: str

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        port: int = 0,
        host: str = HOST,
        routes: ExtraRoutes | None = None,
        clock: Callable[[], float] | None = None,
        nonce_seconds: float = NONCE_SECONDS,
        acknowledge_seconds: float = ACKNOWLEDGE_SECONDS,
        member_names: Sequence[str] = ("Ada", "Ben", "Cleo"),
    ) -> AsyncIterator["Playground"]:
        """Serve until the block ends.

        Args:
            port: 0 takes any free one; see `url`.
            host: the address to listen on; this machine alone unless said.
            routes: called once before the start, for further pages of the same server.
            clock: seconds since 1970; a `Clock` can be set forward.
            nonce_seconds: for how long a nonce gives back its first message.
            acknowledge_seconds: for how long a call waits to be acknowledged.
            member_names: who is in the guild besides the administrator, a moderator and a helper.
        """
        world = World(clock=lambda: FOUNDED, nonce_seconds=nonce_seconds)
        interactions = Interactions(world, acknowledge_seconds=acknowledge_seconds)
        owner = world.add_user(OWNER)
        world.add_application("docbot", owner=owner, token=TOKEN)
        town = _found(world, interactions, "Playground", member_names)
        world.clock = clock or Clock()
        limits, faults = Limits(), Faults(world)
        gateway = Gateway(world, faults, limits.starts, url="")
        rest = Rest(world, interactions, faults, limits)
        app = web.Application(client_max_size=BODY_BYTES)
        playground = cls(world, interactions, faults, gateway, rest, limits, town, app, "")
        app.add_routes([web.get("/gateway", gateway.handle), *rest.routes()])
        app.add_routes([web.get("/gateway/", gateway.handle)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        if routes is not None:
            app.add_routes(routes(playground))
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, reuse_address=True).start()
            playground.url = f"http://{host}:{runner.addresses[0][1]}"
            world.files_url = playground.url
            gateway.url = rest.gateway_url = playground.gateway_url
            yield playground
        finally:
            faults.clear()
            await gateway.close()
            await runner.cleanup()

    # Addresses

    @property
    def api_url(self) -> str:
        """What `discord.http.Route.BASE` must be."""
        return f"{self.url}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """What `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY` must be."""
        return f"ws{self.url.removeprefix('http')}/gateway"

    @property
    def token(self) -> str:
        return self.world.application.token

    # Who and what is there

    @property
    def application(self) -> Application:
        return self.world.application

    @property
    def bot(self) -> User:
        return self.world.bot

    @property
    def guild(self) -> Guild:
        return self.town.guild

    @property
    def forum(self) -> Channel:
        return self.town.forum

    @property
    def text(self) -> Channel:
        return self.town.text

    @property
    def staff(self) -> Channel:
        return self.town.staff

    @property
    def admin(self) -> Member:
        return self.town.admin

    @property
    def moderator(self) -> Member:
        return self.town.moderator

    @property
    def helper(self) -> Member:
        return self.town.helper

    @property
    def members(self) -> tuple[Member, ...]:
        return self.town.members

    def add_town(self, name: str, member_names: Sequence[str] = ("Ada",)) -> Town:
        """Found another guild like the first, with the bot in it.

        Who has the name of somebody known is that person, now in both guilds.
        """
        return _found(self.world, self.interactions, name, member_names)

    def add_member(
        self, name: str, *roles: Role, guild: Guild | None = None, bot: bool = False
    ) -> Member:
        """Let somebody new join; `bot` makes it another bot."""
        user = self.world.add_user(name, bot=bot)
        membership = self.world.add_member((guild or self.guild).id, user, *roles)
        return Member(self.interactions, membership)

    # What was seen

    @property
    def requests(self) -> Sequence[Exchange]:
        return self.rest.requests

    @property
    def violations(self) -> list[str]:
        """Say what the bot did that Discord would not know; empty is right."""
        return [*self.rest.violations, *self.gateway.violations]

    def record(
        self,
        on_frame: FrameHook | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        """Call these with each frame of the gateway and each request from now on."""
        self.gateway.on_frame = on_frame
        self.rest.on_exchange = on_exchange

    async def bot_connects(self, timeout: float = 30.0) -> None:
        """Wait until a bot is connected and has identified itself or resumed."""
        await self.world.wait_for(lambda: self.gateway.connected, timeout)


def _found(
    world: World, interactions: Interactions, name: str, member_names: Sequence[str]
) -> Town:
    """Build a guild with a help forum, two text channels, the bot and some people."""
    owner = _person(world, OWNER)
    guild = world.add_guild(name, owner=owner)

    def join(name: str, *roles: Role) -> Member:
        return Member(interactions, world.add_member(guild.id, _person(world, name), *roles))

    forum = world.add_channel(guild.id, "help", ChannelKind.FORUM, tags=FORUM_TAGS)
    text = world.add_channel(guild.id, "general")
    bot_role = world.invite_bot(guild.id, BOT_PERMISSIONS)
    moderators = world.add_role(
        guild.id,
        "Moderators",
        Permission.MANAGE_THREADS | Permission.MANAGE_MESSAGES,
        mentionable=True,
    )
    moderator = join("Mina", moderators)
    members = tuple(join(each) for each in member_names)
    helpers = world.add_role(guild.id, "Helpers", NO_PERMISSIONS, mentionable=True)
    helper = join("Hana", helpers)
    staff = world.add_channel(guild.id, "staff", topic="For those who help")
    world.set_overwrite(staff.id, guild.id, deny=Permission.VIEW_CHANNEL)
    for role in (bot_role, moderators, helpers):
        world.set_overwrite(staff.id, role.id, allow=Permission.VIEW_CHANNEL)
    admin = Member(interactions, guild.members[owner.id])
    return Town(
        guild,
        forum,
        text,
        staff,
        bot_role,
        moderators,
        helpers,
        admin,
        moderator,
        helper,
        members,
    )


def _person(world: World, name: str) -> User:
    known = next((user for user in world.users.values() if user.name == name), None)
    return known or world.add_user(name)
