"""Checks every part that docbot works with, one after the other.

A part that cannot be reached spoils no other's check. The check of a model costs a call of a few
tokens. The quick examination looks at what a bot that runs must have, for the health check of a
container: it makes no call to Discord or a model.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from docbot.answers.prompt import ChatMessage
from docbot.app import findings
from docbot.app.findings import Finding
from docbot.app.reading import is_stale
from docbot.app.rooms import (
    Rooms,
    chat_model,
    database_url,
    open_rooms,
    refuse_endpoint_without_model,
    refuse_missing_model,
)
from docbot.bot.access import Access, GuildAccess, clock_skew, signed_in
from docbot.db.activity import find_holder
from docbot.db.forums import Forum
from docbot.db.pool import Database, close
from docbot.errors import DocbotError, GoneError, SettingsError
from docbot.forum.bindings import by_place, passed_over
from docbot.settings import Settings

_CHECK_SECONDS = 60.0  # a model on a small machine takes that long to load

Check = Callable[[], Awaitable[Sequence[Finding]]]


class Examination:
    """One examination: tells each finding as soon as it is known, and counts those that failed."""

    def __init__(self, settings: Settings, tell: Callable[[Finding], None]) -> None:
        self._settings = settings
        self._tell = tell
        self.failed = 0

    async def quick(self) -> None:
        """Look at what a bot that runs must have."""
        await self._make("data folder", self._check_folder)
        await self._make("bot", self._check_bot)

    async def whole(self) -> None:
        """Look at every part."""
        await self._make("settings", self._check_settings)
        await self._make("data folder", self._check_folder)
        async with AsyncExitStack() as stack:
            opened: list[Rooms] = []
            settings = self._without_what_lacks()
            await self._make("database", partial(self._open, settings, stack, opened))
            for rooms in opened:
                if self._settings.qdrant_url is not None:
                    await self._make("Qdrant", partial(_check_qdrant, rooms))
                await self._make("index", partial(_check_index, rooms))
                await self._make("sources", partial(_check_sources, rooms))
                await self._make("config", partial(_check_config, rooms))
                if settings == self._settings:
                    await self._make("embeddings", partial(_check_embeddings, rooms))
            await self._make("chat model", self._check_chat_model)
            await self._make("Discord", partial(self._check_discord, opened))
            if self._settings.discord_token is not None:
                await self._make("clock", self._check_clock)

    async def _make(self, part: str, check: Check) -> None:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                found = await check()
        except DocbotError as error:
            found = [Finding(part, "failed", str(error))]
        except TimeoutError:
            found = [Finding(part, "failed", f"no answer within {_CHECK_SECONDS:.0f} seconds")]
        self._tell_all(found)

    def _tell_all(self, found: Sequence[Finding]) -> None:
        for finding in found:
            self.failed += finding.state == "failed"
            self._tell(finding)

    async def _check_settings(self) -> Sequence[Finding]:
        return [findings.judge_settings(sorted(map(str.upper, self._settings.model_fields_set)))]

    async def _check_folder(self) -> Sequence[Finding]:
        folder = self._settings.docbot_data_dir
        there = _there(folder)
        if not there.is_dir() or not os.access(there, os.R_OK | os.W_OK | os.X_OK):
            return [findings.refuse_folder(folder)]
        return [findings.judge_space(folder, shutil.disk_usage(there).free)]

    async def _check_bot(self) -> Sequence[Finding]:
        database = Database(database_url(self._settings), self._settings.docbot_data_dir)
        try:
            conn = await database.connect()
            try:
                return [findings.judge_holder(await find_holder(conn), is_needed=True)]
            finally:
                await close(conn)
        finally:
            database.close()

    def _without_what_lacks(self) -> Settings:
        """The settings to look at all else with, where the embedding model is not to be had."""
        try:
            refuse_missing_model(self._settings)
        except SettingsError as error:
            self._tell_all([Finding("embeddings", "failed", str(error))])
            return self._settings.model_copy(update={"docbot_embedding_model": None})
        return self._settings

    async def _open(
        self, settings: Settings, stack: AsyncExitStack, opened: list[Rooms]
    ) -> Sequence[Finding]:
        rooms = await stack.enter_async_context(open_rooms(settings))
        opened.append(rooms)
        async with rooms.pool.acquire() as conn:
            version = conn.get_settings().server_version.partition(" ")[0]
            holder = await find_holder(conn)
        return [
            Finding("database", "ok", f"Postgres {version}, {rooms.database.place}"),
            findings.judge_holder(holder, is_needed=False),
        ]

    async def _check_chat_model(self) -> Sequence[Finding]:
        await refuse_endpoint_without_model(self._settings)
        model = chat_model(self._settings)
        if model is None:
            return [Finding("chat model", "ok", "none set: passages are quoted")]
        began = monotonic()
        try:
            await model.complete([ChatMessage("user", "Answer with the one word: ready")])
        finally:
            await model.close()
        return [Finding("chat model", "ok", f"{model.name} answers in {monotonic() - began:.1f} s")]

    async def _check_clock(self) -> Sequence[Finding]:
        ahead = await clock_skew(
            self._settings.docbot_discord_api, self._settings.docbot_discord_proxy
        )
        return [findings.judge_clock(ahead)]

    async def _check_discord(self, opened: Sequence[Rooms]) -> Sequence[Finding]:
        token = self._settings.discord_token
        if token is None:
            advice = (
                "create a bot at https://discord.com/developers/applications and put its token "
                "into .env; the demo, search and ask need none"
            )
            return [Finding("Discord", "warning", "DISCORD_TOKEN is not set", advice)]
        settings = self._settings
        async with signed_in(
            token.get_secret_value(), settings.docbot_discord_api, settings.docbot_discord_proxy
        ) as access:
            bound = [forum for rooms in opened for forum in await rooms.forums.all()]
            return await _look_around(access, bound)


async def _check_index(rooms: Rooms) -> Sequence[Finding]:
    return [
        findings.judge_index(
            await rooms.generations.find_current(),
            is_open=await rooms.index.reach() is not None,
            is_stale=await is_stale(rooms),
        )
    ]


async def _check_qdrant(rooms: Rooms) -> Sequence[Finding]:
    from docbot.retrieval.server import ServerStore  # noqa: PLC0415  # loads the client, a second

    store = rooms.store
    if not isinstance(store, ServerStore):
        return []
    version = await store.version()
    await store.round_trip()
    says = f"version {version}, {rooms.builder.place}: a point was written, found and deleted"
    found = [Finding("Qdrant", "ok", says)]
    current = await rooms.generations.find_current()
    if current is not None:
        found.append(findings.judge_collection(current, await store.describe(current.name)))
    return found


async def _check_sources(rooms: Rooms) -> Sequence[Finding]:
    return findings.judge_sources(await rooms.sources.all(), datetime.now(UTC))


async def _check_config(rooms: Rooms) -> Sequence[Finding]:
    return findings.judge_passed_over([*passed_over(by_place(await rooms.configs.all()))])


async def _check_embeddings(rooms: Rooms) -> Sequence[Finding]:
    if rooms.embedder is None:
        return [Finding("embeddings", "ok", "no model set: searches go by words")]
    [vector] = await rooms.embedder.embed(["docbot"])
    stored = await rooms.generations.find_dimensions(rooms.embedder.model)
    return [findings.judge_dimensions(rooms.embedder.model, given=len(vector), stored=stored)]


async def _look_around(access: Access, bound: Sequence[Forum]) -> Sequence[Finding]:
    application = access.application()
    found = findings.judge_application(application)
    found.append(findings.judge_guilds(await access.count_guilds(), application.invite_link))
    guilds: dict[int, GuildAccess | None] = {}
    for forum in bound:
        if forum.guild_id not in guilds:
            guilds[forum.guild_id] = await _find_guild(access, forum.guild_id)
        found += findings.judge_forum(forum, guilds[forum.guild_id], application.invite_link)
    if not bound:
        says = "none is bound: docbot answers nowhere"
        found.append(Finding("forums", "warning", says, "docbot forum list --available"))
    return found


async def _find_guild(access: Access, guild_id: int) -> GuildAccess | None:
    try:
        return await access.guild(guild_id)
    except GoneError:
        return None


def _there(folder: Path) -> Path:
    """The nearest place above that can be seen; the data folder is made when it is first used."""
    # Path.exists() raises where a folder above is closed to this user.
    return next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110
