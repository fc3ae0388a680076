"""The running bot: stands by until it may act, starts the tasks, closes them in order."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from time import monotonic

from docbot.answers.answer import Answerer
from docbot.app.embedding import take_up_model
from docbot.app.rooms import (
    Rooms,
    complete_index,
    move_embedder,
    open_answerer,
    refuse_endpoint_without_model,
)
from docbot.bot import texts
from docbot.bot.client import HelpClient, Parts, connect
from docbot.bot.commands import add_commands
from docbot.bot.delivery import SEND_SECONDS, OutboxDrain
from docbot.bot.endpoint import point_at
from docbot.bot.gateway import CONNECT_SECONDS, Starts
from docbot.bot.pace import RequestPace
from docbot.bot.refusals import Refusals
from docbot.bot.search import SearchTools
from docbot.bot.typing import typing
from docbot.db.activity import (
    ActiveLock,
    find_holder,
    note_start,
    raise_epoch,
    seconds_since_start,
)
from docbot.db.errors import translated
from docbot.db.listen import INDEX_CHANGED, SETTINGS_CHANGED, WORK_ADDED, Listener
from docbot.db.locks import sync_lock
from docbot.errors import TransientError, cause_of
from docbot.forum.bindings import Bindings
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.decide import Bounds
from docbot.forum.intake import Intake
from docbot.forum.retry import is_worth_a_line, pause
from docbot.forum.worker import QuestionWorker
from docbot.settings import Settings, changed_settings
from docbot.telemetry import OnStep, hide, log_step, set_log_level

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
WORKERS = 4
DRAINS = 4
STOP_SECONDS = 10.0
_ENDPOINT = {"OPENAI_API_KEY", "OPENAI_BASE_URL"}
# Discord allows a bot 50; some leave late and arrive together.
REQUESTS_PER_SECOND = 45
# Who acted for less did not get far: Discord counts how often a bot connects.
_STEADY_SECONDS = 60.0
# A server that vanished without a word gives the lock to another process after about 6 s.
_CHECK_SECONDS = 2.0


class RunningBot:
    """One `docbot run`: stands by until it may act, then acts until it is stopped."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        read_settings: Callable[[], Settings],
        on_step: OnStep = log_step,
        wake_ups: bool = True,
        idle_seconds: float = IDLE_SECONDS,
        requests_per_second: int = REQUESTS_PER_SECOND,
        send_seconds: float = SEND_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        refusals: Refusals | None = None,
    ) -> None:
        """Set up; nothing is connected before `run`.

        Args:
            rooms: what it works with; they outlive it.
            read_settings: reads the settings anew, for /reload-config.
            on_step: told each step of the path.
            wake_ups: False leaves all to the polls, for measuring what the wake-ups are worth.
            idle_seconds: between two polls, the net beneath the wake-ups.
            requests_per_second: to Discord, all together; more only for measuring.
            send_seconds: the longest that one send may take.
            connect_seconds: for which a connection to the gateway may take to be ready.
            refusals: counts what Discord refuses; another only for tests.
        """
        self._rooms = rooms
        self._settings = rooms.settings
        self._read_settings = read_settings
        self._on_step = on_step
        self.bindings = Bindings(rooms.forums)
        self._answerer = Answerer(None)
        # Every model that was in use; one in flight may outlive the next, so all close at the end.
        self._models = AsyncExitStack()
        self._wake_workers = Wake()
        self._wake_drains = Wake()
        self._wake_ups = wake_ups
        self._idle_seconds = idle_seconds
        # One for all connections: what Discord asked for holds also after a reconnect.
        self._pace = RequestPace(requests_per_second, refusals=refusals)
        self._send_seconds = send_seconds
        self._connect_seconds = connect_seconds
        self._starts = Starts(self._note_start)
        self._failures = 0  # to act, in a row
        self._stop = asyncio.Event()
        self.connected = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Act until `stop`; a process that loses the right to act queues for it again.

        Raises:
            UsageError: Discord refuses the token, an intent, or this docbot.
        """
        async with self._models:
            self._answerer = await self._models.enter_async_context(open_answerer(self._settings))
            await self._stand_by_and_act()

    async def _stand_by_and_act(self) -> None:
        while not self._stop.is_set():
            lock = ActiveLock(self._rooms.database)
            began = monotonic()
            try:
                if await self._may_act(lock):
                    began = monotonic()
                    await self._act(lock)
            except TransientError as error:
                was_steady = monotonic() - began > _STEADY_SECONDS
                self._failures = 1 if was_steady else self._failures + 1
                seconds = pause(self._failures, retry_after=error.retry_after)
                if is_worth_a_line(self._failures):
                    log.warning("not acting, tried again in %.0f s: %s", seconds, error)
                await _first(asyncio.sleep(seconds), self._stop.wait())
            finally:
                await lock.release()

    async def _may_act(self, lock: ActiveLock) -> bool:
        if await lock.try_acquire():
            return True
        with translated():
            async with self._rooms.pool.acquire() as conn:
                holder = await find_holder(conn)
        active = (holder and holder.name) or "another process"
        log.info("standing by: %s is active and answers", active)
        return await _first(lock.acquire(), self._stop.wait())

    async def _act(self, lock: ActiveLock) -> None:
        epoch = await self._take_over()
        await self.bindings.reload()
        self.connected.clear()
        client = self._client()
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(_watch(lock), name="lock watch"),
                    tasks.create_task(self._listener(client).run(), name="listener"),
                    tasks.create_task(self._connect(client), name="gateway"),
                    tasks.create_task(take_up_model(self._rooms), name="embedding model"),
                ]
                if await _first(self.connected.wait(), self._stop.wait()):
                    await self._work(client, epoch, tasks)
                await client.close()
                for task in background:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise cause_of(group) from group
        finally:
            await client.close()

    async def _work(self, client: HelpClient, epoch: int, tasks: asyncio.TaskGroup) -> None:
        parts: list[ClaimLoop] = [
            *(self._worker(client, epoch, number) for number in range(self._workers())),
            *(self._drain(client, epoch, number) for number in range(DRAINS)),
        ]
        at_work = [tasks.create_task(part.run(), name=type(part).__name__) for part in parts]
        await self._stop.wait()
        for part in parts:
            part.stop()
        _, late = await asyncio.wait(at_work, timeout=STOP_SECONDS)
        for task in late:  # what it held is taken up by the next process
            task.cancel()

    def _workers(self) -> int:
        """As many as may ask the model at once: a worker waits for its reply."""
        has_model = self._settings.docbot_chat_model is not None
        return max(WORKERS, self._settings.docbot_model_calls_at_once if has_model else 0)

    async def _take_over(self) -> int:
        """Raise the epoch and take up what the process before left in flight, all or nothing."""
        with translated():
            async with self._rooms.pool.acquire() as conn, conn.transaction():
                self._starts.note(await seconds_since_start(conn))
                epoch = await raise_epoch(conn)
                await self._rooms.questions.take_over(conn)
                await self._rooms.outbox.take_over(conn)
        if self._failures == 0 or is_worth_a_line(self._failures):
            log.info("active from now on (epoch %d)", epoch)
        return epoch

    async def _note_start(self) -> None:
        with translated():
            async with self._rooms.pool.acquire() as conn:
                await note_start(conn)

    async def _connect(self, client: HelpClient) -> None:
        token = self._settings.discord_token
        await point_at(self._settings.docbot_discord_api)
        await connect(client, token.get_secret_value() if token else "")

    def _client(self) -> HelpClient:
        rooms = self._rooms
        intake = Intake(
            pool=rooms.pool,
            threads=rooms.threads,
            questions=rooms.questions,
            outbox=rooms.outbox,
            bindings=self.bindings,
            wake_worker=self._waker(self._wake_workers),
            on_step=self._on_step,
        )
        client = HelpClient(
            Parts(
                intake,
                self.bindings,
                rooms.threads,
                rooms.answers,
                rooms.forums,
                rooms.outbox,
                SearchTools(rooms.searcher, rooms.sources),
            ),
            proxy=self._settings.docbot_discord_proxy,
            pace=self._pace,
            bounds=Bounds(
                timedelta(hours=self._settings.docbot_missed_hours),
                self._settings.docbot_missed_posts,
            ),
            on_connected=self._greet,
            starts=self._starts,
            connect_seconds=self._connect_seconds,
        )
        add_commands(client, self.reload)
        return client

    def _waker(self, wake: Wake) -> Callable[[], None]:
        return wake.set if self._wake_ups else lambda: None

    def _worker(self, client: HelpClient, epoch: int, number: int) -> QuestionWorker:
        return QuestionWorker(
            pool=self._rooms.pool,
            questions=self._rooms.questions,
            answers=self._rooms.answers,
            outbox=self._rooms.outbox,
            sources=self._rooms.sources,
            bindings=self.bindings,
            searcher=self._rooms.searcher,
            answerer=lambda: self._answerer,
            typing=partial(typing, client),
            epoch=epoch,
            number=number,
            wake=self._wake_workers,
            wake_drain=self._waker(self._wake_drains),
            idle_seconds=self._idle_seconds,
            on_step=self._on_step,
        )

    def _drain(self, client: HelpClient, epoch: int, number: int) -> OutboxDrain:
        return OutboxDrain(
            client=client,
            pool=self._rooms.pool,
            outbox=self._rooms.outbox,
            questions=self._rooms.questions,
            epoch=epoch,
            number=number,
            wake=self._wake_drains,
            wake_worker=self._waker(self._wake_workers),
            idle_seconds=self._idle_seconds,
            trouble_in=client.watch.trouble_in,
            refusals=self._pace.refusals,
            send_seconds=self._send_seconds,
            on_step=self._on_step,
        )

    def _listener(self, client: HelpClient) -> Listener:
        return Listener(
            self._rooms.database,
            {
                INDEX_CHANGED: partial(self._take_in_index, client),
                SETTINGS_CHANGED: partial(self._take_in_bindings, client),
                WORK_ADDED: self._look_for_work,
            },
        )

    async def _look_for_work(self) -> None:
        """Another process has put a question or a message back to be worked on."""
        self._wake_workers.set()
        self._wake_drains.set()

    async def _take_in_bindings(self, client: HelpClient) -> None:
        await self.bindings.reload()
        if client.is_ready():
            client.dispatch("forums_changed")

    async def _take_in_index(self, client: HelpClient) -> None:
        if await self._rooms.index.refresh():
            self._wake_workers.set()
            if client.is_ready():
                client.dispatch("forums_changed")
            return
        log.warning("the current index is not in %s; building it", self._rooms.builder.place)
        async with sync_lock(self._rooms.database):
            await complete_index(self._rooms)

    async def _greet(self, client: HelpClient) -> None:
        self.connected.set()
        log.info("connected to Discord as %s; servers: %d", client.user, len(client.guilds))
        if self.bindings.all():
            return  # what is wrong with one of them is told by the watch
        log.info(
            "no forum is bound yet. Invite docbot: %s  Then: "
            "docbot forum add GUILD_ID CHANNEL_ID --source NAME",
            client.invite_link(),
        )
        sources = await self._rooms.sources.all()
        if not sources:
            log.info("there is no source yet. Next: docbot sources add NAME URL_OR_FOLDER")
        elif not await self._rooms.sources.are_indexed([source.id for source in sources]):
            log.info("no source was read yet. Next: docbot sync")

    async def reload(self, guild_id: int) -> str:
        """Take in changed settings; answer with the names, never the values, of what changed."""
        operator_guild = self._settings.docbot_operator_guild
        new = self._read_settings() if guild_id == operator_guild else self._settings
        await refuse_endpoint_without_model(new)
        reloaded, waiting = changed_settings(self._settings, new)
        taken = self._settings.model_copy(update=new.reloadable())
        # Everything new is built before anything is taken, so that a failure changes nothing.
        answerer = self._answerer
        if reloaded:
            answerer = await self._models.enter_async_context(open_answerer(taken))
        is_operator = guild_id == operator_guild
        changed = await self.bindings.reload(None if is_operator else guild_id)
        self._answerer = answerer
        if _ENDPOINT.intersection(reloaded):
            move_embedder(self._rooms, new)
        self._settings = taken
        set_log_level(self._settings.docbot_log_level)
        hide(self._settings.secrets())
        return texts.reloaded([*changed, *reloaded], waiting, env_file_read=is_operator)


def stop_on_signals(bot: RunningBot) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, bot.stop)


async def _watch(lock: ActiveLock) -> None:
    """Raise TransientError once the lock is lost; also when its server is silent."""
    while not lock.lost.is_set():
        await lock.check()
        await _first(lock.lost.wait(), asyncio.sleep(_CHECK_SECONDS))
    raise TransientError("the connection that holds the right to act broke")


async def _first(one: Awaitable[object], other: Awaitable[object]) -> bool:
    """Wait for either; True when it was `one`. The one not waited for is cancelled."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
