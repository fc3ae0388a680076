"""The running bot: stands by until it may act, starts the tasks, closes them in order."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from time import monotonic

from docbot import texts
from docbot.answers.answer import Answerer
from docbot.app.renewal import keep_renewed
from docbot.app.rooms import (
    Rooms,
    complete_index,
    move_embedder,
    open_answerer,
    open_rooms,
    refuse_endpoint_without_model,
)
from docbot.app.schedule import sync_on_schedule
from docbot.bot.client import HelpClient, Parts, connect
from docbot.bot.commands import add_commands
from docbot.bot.deeds import Deeds
from docbot.bot.delivery import SEND_SECONDS, OutboxDrain
from docbot.bot.endpoint import point_at
from docbot.bot.gateway import CONNECT_SECONDS, Starts
from docbot.bot.info import Models
from docbot.bot.pace import RequestPace
from docbot.bot.refusals import Refusals
from docbot.bot.replies import Replier
from docbot.bot.search import SearchTools
from docbot.bot.typing import typing
from docbot.db.activity import (
    ActiveLock,
    Holder,
    find_holder,
    is_queued,
    note_start,
    put_out_silent,
    raise_epoch,
    refuse_other_model,
    seconds_since_start,
)
from docbot.db.errors import translated
from docbot.db.listen import INDEX_CHANGED, LEARNED, SETTINGS_CHANGED, WORK_ADDED, Listener
from docbot.db.locks import sync_lock
from docbot.db.usage import Uses
from docbot.errors import SettingsError, TransientError, UsageError, cause_of
from docbot.forum.admission import Admission
from docbot.forum.bindings import Bindings
from docbot.forum.calls import Calls
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.clock import Clock
from docbot.forum.conductor import Conductor
from docbot.forum.decide import Bounds
from docbot.forum.forgetting import Forgetting
from docbot.forum.intake import Intake
from docbot.forum.learning import Learning
from docbot.forum.presses import Presses
from docbot.forum.retention import Retention
from docbot.forum.retry import is_worth_a_line, pause
from docbot.forum.reviews import Reviews
from docbot.forum.staff_notes import StaffNotes
from docbot.forum.undecided import Undecided
from docbot.forum.worker import QuestionWorker
from docbot.retrieval.endpoint import OPENAI_URL
from docbot.settings import Settings, changed_settings
from docbot.telemetry import OnStep, hide, log_step, set_log_level

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
WORKERS = 4
DRAINS = 4
REPLIERS = 4
# For which nothing is answered or sent while it reads what people wrote meanwhile.
CATCH_UP_SECONDS = 30.0
# Of the 10 that a stop may take; what is left is for closing.
STOP_SECONDS = 8.0
_GIVE_UP_SECONDS = 0.5  # for what was cancelled to end
_ENDPOINT = {"OPENAI_API_KEY", "OPENAI_BASE_URL"}
# Discord allows a bot 50; some leave late and arrive together.
REQUESTS_PER_SECOND = 45
# Who acted for less did not get far: Discord counts how often a bot connects.
_STEADY_SECONDS = 60.0
_LOOK_SECONDS = 2.0  # between two looks of a process that stands by
_SILENT_SECONDS = 5.0  # for one look


class _NoDiscordError(TransientError):
    """Discord cannot be connected to."""


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
        catch_up_seconds: float = CATCH_UP_SECONDS,
        refusals: Refusals | None = None,
        locale: Path = texts.LOCALE,
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
            catch_up_seconds: the longest that questions wait for what was missed to be taken in.
            refusals: counts what Discord refuses; another only for tests.
            locale: where the translations lie.
        """
        self._rooms = rooms
        self._settings = rooms.settings
        self._read_settings = read_settings
        self._locale = locale
        self._on_step = on_step
        self.bindings = Bindings(rooms.forums, rooms.configs)
        self._staff_notes = StaffNotes(rooms.outbox)
        self._reviews = Reviews(rooms.solutions, self._staff_notes, self.bindings)
        self._learning = Learning(rooms.solutions, self._reviews)
        self._conductor = Conductor(
            threads=rooms.threads,
            questions=rooms.questions,
            answers=rooms.answers,
            drafts=rooms.drafts,
            outbox=rooms.outbox,
            staff_notes=self._staff_notes,
            learning=self._learning,
            bindings=self.bindings,
            may_attach=self._may_attach,
            may_ping=self._may_ping,
            may_write=self._may_write,
        )
        self._admission = Admission(
            uses=Uses(rooms.pool),
            config_of=self.bindings.server,
            are_limits_on=rooms.settings.docbot_limits == "on",
        )
        self._answerer = Answerer(None)
        # Every model that was in use; one in flight may outlive the next, so all close at the end.
        self._models = AsyncExitStack()
        self._wake_workers = Wake()
        self._wake_drains = Wake()
        self._wake_clock = Wake()
        self._looked_at_version = 0  # of the bindings, when threads were last looked at for them
        self._learned = asyncio.Event()  # something, from a solved thread
        self._wake_repliers = Wake()
        self._wake_ups = wake_ups
        self._idle_seconds = idle_seconds
        # One for all connections: what Discord asked for holds also after a reconnect.
        self._pace = RequestPace(requests_per_second, refusals=refusals)
        self._send_seconds = send_seconds
        self._connect_seconds = connect_seconds
        self._catch_up_seconds = catch_up_seconds
        self._starts = Starts(self._note_start)
        self._failures = 0  # to act, in a row
        self._stop = asyncio.Event()
        self._may_stay = asyncio.Event()  # at least as a process that stands by
        self._client: HelpClient | None = None  # while it acts
        self._epoch = 0  # the last one that it raised
        self._told_holder: str | None = None
        self.connected = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Act until `stop`; a process that loses the right to act queues for it again.

        Raises:
            UsageError: Discord refuses the token, an intent, or this docbot; or the process that
                acts has another embedding model; or docbot was not translated to its language.
        """
        with texts.speaking(_catalogue_of(self._settings.docbot_language, self._locale)):
            await self._run()

    async def _run(self) -> None:
        async with self._models:
            self._answerer = await self._models.enter_async_context(open_answerer(self._settings))
            try:
                async with asyncio.TaskGroup() as tasks:
                    listening = tasks.create_task(self._listen(), name="listener")
                    await self._stand_by_and_act()
                    listening.cancel()
            except BaseExceptionGroup as group:
                raise cause_of(group) from group

    async def _stand_by_and_act(self) -> None:
        looks = 0  # in a row that found no Postgres
        while not self._stop.is_set():
            lock = ActiveLock(self._rooms.database)
            began: float | None = None
            try:
                if await _first(self._may_act(lock), self._stop.wait()):
                    looks, began = 0, monotonic()
                    await self._act(lock)
            except TransientError as error:
                if began is None:
                    looks += 1
                else:
                    was_steady = monotonic() - began > _STEADY_SECONDS
                    self._failures = 1 if was_steady else self._failures + 1
                await self._pause(error, looks or self._failures)
            finally:
                await lock.release()

    async def _pause(self, error: TransientError, failures: int) -> None:
        """Wait longer each time for Discord, but look every second whether Postgres is back."""
        of_discord = isinstance(error, _NoDiscordError)
        seconds = pause(failures if of_discord else 1, retry_after=error.retry_after)
        if is_worth_a_line(failures):
            log.warning("not acting, tried again in %.0f s: %s", seconds, error)
        await _first(asyncio.sleep(seconds), self._stop.wait())

    async def _may_act(self, lock: ActiveLock) -> None:
        """Wait for the right to act, ready to: the index is kept up to date meanwhile."""
        if await lock.try_acquire():
            return
        await self._look()
        self._may_stay.set()
        waiting = asyncio.ensure_future(lock.acquire())
        try:
            while not (await asyncio.wait([waiting], timeout=_LOOK_SECONDS))[0]:
                await self._look(lock)
            waiting.result()
        finally:
            waiting.cancel()

    async def _look(self, queued: ActiveLock | None = None) -> None:
        """Look at the holder; a server that is silent is looked for again, with new connections.

        Raises:
            TransientError: the server does not know of `queued` any more, which nobody would hear.
        """
        looking = asyncio.ensure_future(self._look_at_holder(queued))
        try:
            if not (await asyncio.wait([looking], timeout=_SILENT_SECONDS))[0]:
                self._rooms.database.abandon()
            await looking
        finally:
            looking.cancel()

    async def _look_at_holder(self, queued: ActiveLock | None) -> None:
        """Tell once who acts; take the lock from one that hangs.

        Raises:
            SettingsError: it has another embedding model.
            TransientError: as `_look` says.
        """
        with translated():
            async with self._rooms.pool.acquire() as conn:
                if queued and queued.server_pid and not await is_queued(conn, queued.server_pid):
                    raise TransientError("the connection that waits for the right to act broke")
                holder = await find_holder(conn)
                if holder is None:
                    return
                if self._is_own(holder):  # a connection that we lost and the server did not
                    await put_out_silent(conn, 0)
                elif await put_out_silent(conn):
                    log.warning("%s gave no sign of life; its right to act ends", holder.name)
        refuse_other_model(holder, self._settings.docbot_embedding_model)
        active = holder.name or "another process"
        if active != self._told_holder:
            log.info("standing by: %s is active and answers", active)
            self._told_holder = active

    def _is_own(self, holder: Holder) -> bool:
        return holder.is_described and holder.epoch == self._epoch

    async def _act(self, lock: ActiveLock) -> None:
        self._may_stay.set()
        self._told_holder = None
        self.connected.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._watch(lock), name="lock watch")]
                if await _first(self._take_over(lock), self._stop.wait()):
                    self._client = client = self._make_client(lock)
                    gateway = tasks.create_task(self._connect(client), name="gateway")
                    keeping = keep_renewed(self._rooms, self._learned)
                    renewal = tasks.create_task(keeping, name="index renewal")
                    schedule = sync_on_schedule(self._rooms, lambda: self._settings)
                    background += [renewal, tasks.create_task(schedule, name="sync schedule")]
                    if await _first(self.connected.wait(), self._stop.wait()):
                        await self._work(client, self._epoch, tasks)
                    # Who still signs in or connects would take the client's end for a fault.
                    gateway.cancel()
                    await asyncio.wait([gateway])
                    await client.close()
                for task in background:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise cause_of(group) from group
        finally:
            if self._client is not None:
                await self._client.close()
                self._client = None

    async def _watch(self, lock: ActiveLock) -> None:
        try:
            await lock.watch()
        except TransientError:
            self._rooms.database.abandon()  # nothing of what is under way counts any more
            raise

    async def _work(self, client: HelpClient, epoch: int, tasks: asyncio.TaskGroup) -> None:
        repliers = [self._replier(client, epoch, number) for number in range(REPLIERS)]
        others: list[ClaimLoop] = [
            *(self._worker(client, epoch, number) for number in range(self._workers())),
            *(self._drain(client, epoch, number) for number in range(DRAINS)),
            self._clock(),
        ]
        at_work = _begin(repliers, tasks)
        # What people wrote and did meanwhile may take back what is due.
        if await _first(self._wait_to_know(client), self._stop.wait()):
            at_work += _begin(others, tasks)
        await self._stop.wait()
        for part in [*repliers, *others]:
            part.stop()
        _, late = await asyncio.wait(at_work, timeout=STOP_SECONDS)
        for task in late:  # what it held is taken up by the next process
            task.cancel()
        if late and (await asyncio.wait(late, timeout=_GIVE_UP_SECONDS))[1]:
            self._rooms.database.abandon()

    async def _wait_to_know(self, client: HelpClient) -> None:
        await _first(client.caught_up.wait(), asyncio.sleep(self._catch_up_seconds))

    def _workers(self) -> int:
        """As many as may ask the model at once: a worker waits for its reply."""
        has_model = self._settings.docbot_chat_model is not None
        return max(WORKERS, self._settings.docbot_model_calls_at_once if has_model else 0)

    async def _take_over(self, lock: ActiveLock) -> None:
        """Raise the epoch and take up what the process before left in flight, all or nothing."""
        with translated():
            async with self._rooms.pool.acquire() as conn, conn.transaction():
                self._starts.note(await seconds_since_start(conn))
                epoch = await raise_epoch(
                    conn,
                    lock_pid=lock.server_pid,
                    embedding_model=self._settings.docbot_embedding_model,
                )
                await self._rooms.questions.take_over(conn)
                await self._rooms.outbox.take_over(conn)
                await self._rooms.interactions.take_over(conn)
        self._epoch = epoch
        if self._failures == 0 or is_worth_a_line(self._failures):
            log.info("active from now on (epoch %d)", epoch)
        await self.bindings.reload()

    async def _note_start(self) -> None:
        with translated():
            async with self._rooms.pool.acquire() as conn:
                await note_start(conn)

    async def _connect(self, client: HelpClient) -> None:
        token = self._settings.discord_token
        try:
            await point_at(self._settings.docbot_discord_api)
            if not client.is_closed():  # one that is would be opened again
                await connect(client, token.get_secret_value() if token else "")
        except Exception as error:
            if client.is_closed():  # under the hands of who was still signing in
                log.debug("the connection ended while it was made", exc_info=True)
            elif isinstance(error, TransientError):
                raise _NoDiscordError(str(error), retry_after=error.retry_after) from error
            else:
                raise

    def _make_client(self, lock: ActiveLock) -> HelpClient:
        rooms = self._rooms
        undecided = Undecided(
            pool=rooms.pool,
            drafts=rooms.drafts,
            solutions=rooms.solutions,
            conductor=self._conductor,
            learning=self._learning,
            wake=self._wake_all,
        )
        intake = Intake(
            pool=rooms.pool,
            threads=rooms.threads,
            questions=rooms.questions,
            outbox=rooms.outbox,
            learning=self._learning,
            bindings=self.bindings,
            conductor=self._conductor,
            admission=self._admission,
            erasure=rooms.erasure,
            undecided=undecided,
            wake=self._wake_all,
            on_step=self._on_step,
        )
        presses = Presses(
            rooms.pool,
            self._conductor,
            rooms.threads,
            rooms.answers,
            rooms.drafts,
            rooms.outbox,
            self._staff_notes,
            self._learning,
            self._wake_all,
        )
        calls = Calls(
            pool=rooms.pool,
            interactions=rooms.interactions,
            threads=rooms.threads,
            bindings=self.bindings,
            questions=rooms.questions,
            answers=rooms.answers,
            admission=self._admission,
            may_attach=self._may_attach,
            wake_worker=self._waker(self._wake_workers),
            wake_replier=self._waker(self._wake_repliers),
        )
        client = HelpClient(
            Parts(
                intake,
                self.bindings,
                rooms.threads,
                presses,
                Forgetting(
                    rooms.pool,
                    rooms.erasure,
                    self._conductor,
                    self._learning,
                    rooms.interactions,
                    self._wake_all,
                ),
                self._admission,
                rooms.forums,
                rooms.outbox,
                SearchTools(rooms.searcher, rooms.sources),
                lambda: models_at_work(self._settings),
                calls,
                undecided,
            ),
            proxy=self._settings.docbot_discord_proxy,
            pace=self._pace,
            confirm=lock.confirm,
            bounds=Bounds(
                timedelta(hours=self._settings.docbot_missed_hours),
                self._settings.docbot_missed_posts,
            ),
            on_connected=self._greet,
            starts=self._starts,
            connect_seconds=self._connect_seconds,
            locale=self._locale,
        )
        add_commands(client, self.reload)
        return client

    def _may_attach(self, forum_id: int) -> bool:
        return self._client is not None and self._client.may_attach(forum_id)

    def _may_ping(self, forum_id: int, role_id: int) -> bool:
        return self._client is not None and self._client.may_ping(forum_id, role_id)

    def _may_write(self, guild_id: int, channel_id: int) -> bool:
        return self._client is not None and self._client.may_write(guild_id, channel_id)

    def _wake_all(self) -> None:
        wakes = self._wake_workers, self._wake_drains, self._wake_repliers, self._wake_clock
        for wake in wakes:
            self._waker(wake)()

    def _waker(self, wake: Wake) -> Callable[[], None]:
        return wake.set if self._wake_ups else lambda: None

    def _worker(self, client: HelpClient, epoch: int, number: int) -> QuestionWorker:
        return QuestionWorker(
            pool=self._rooms.pool,
            questions=self._rooms.questions,
            answers=self._rooms.answers,
            outbox=self._rooms.outbox,
            calls=client.parts.calls,
            sources=self._rooms.sources,
            solutions=self._rooms.solutions,
            bindings=self.bindings,
            conductor=self._conductor,
            searcher=self._rooms.searcher,
            generation=lambda: self._rooms.index.name,
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
            conductor=self._conductor,
            deeds=Deeds(
                client,
                self._rooms.threads,
                self._rooms.answers,
                self._rooms.outbox,
                self.bindings,
            ),
            trouble_in=client.watch.trouble_in,
            refusals=self._pace.refusals,
            send_seconds=self._send_seconds,
            on_step=self._on_step,
        )

    def _clock(self) -> Clock:
        return Clock(
            pool=self._rooms.pool,
            questions=self._rooms.questions,
            threads=self._rooms.threads,
            conductor=self._conductor,
            admission=self._admission,
            erasure=self._rooms.erasure,
            retention=Retention(self._rooms.erasure, self.bindings.server),
            reviews=self._reviews,
            wake=self._wake_clock,
            idle_seconds=self._idle_seconds,
            wake_worker=self._waker(self._wake_workers),
            wake_drain=self._waker(self._wake_drains),
        )

    def _replier(self, client: HelpClient, epoch: int, number: int) -> Replier:
        return Replier(
            client=client,
            pool=self._rooms.pool,
            interactions=self._rooms.interactions,
            questions=self._rooms.questions,
            outbox=self._rooms.outbox,
            epoch=epoch,
            number=number,
            wake=self._wake_repliers,
            idle_seconds=self._idle_seconds,
            wake_worker=self._waker(self._wake_workers),
            wake_drain=self._waker(self._wake_drains),
            send_seconds=self._send_seconds,
        )

    async def _listen(self) -> None:
        await self._may_stay.wait()
        callbacks = {
            INDEX_CHANGED: self._take_in_index,
            SETTINGS_CHANGED: self._take_in_bindings,
            WORK_ADDED: self._look_for_work,
            LEARNED: self._look_at_learned,
        }
        await Listener(self._rooms.database, callbacks).run()

    async def _look_for_work(self) -> None:
        """Another process has put a question or a message back to be worked on."""
        self._wake_workers.set()
        self._wake_drains.set()

    async def _look_at_learned(self) -> None:
        self._learned.set()

    async def _take_in_bindings(self) -> None:
        await self.bindings.reload()
        await self._look_at_threads_anew()
        self._look_at_forums()

    async def _look_at_threads_anew(self) -> None:
        """A reminder or an archiving may be due by what is set now.

        `/reload-config` may have read it first, so it is the version that tells what is new.
        """
        version = self.bindings.version
        if version == self._looked_at_version:
            return
        forum_ids = [forum.channel_id for forum in self.bindings.all()]
        await self._rooms.threads.look_anew(forum_ids)
        self._looked_at_version = version
        self._wake_clock.set()

    async def _take_in_index(self) -> None:
        if await self._rooms.index.refresh():
            self._wake_workers.set()
            self._look_at_forums()
            return
        log.warning("the current index is not in %s; building it", self._rooms.builder.place)
        try:
            async with sync_lock(self._rooms.database):
                await complete_index(self._rooms)
            log.info("the index is in %s now", self._rooms.builder.place)
        except UsageError:  # which may be the same in another process; looked at again soon
            log.info("another sync is running; the index is built here after it")

    def _look_at_forums(self) -> None:
        if self._client is not None and self._client.is_ready():
            self._client.dispatch("forums_changed")

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
        return _told([*changed, *reloaded], waiting, env_file_read=is_operator)


def _catalogue_of(language: str, locale: Path) -> NullTranslations | None:
    catalogue = texts.find_catalogue(language, locale)
    if catalogue is None and language != texts.ENGLISH:
        raise SettingsError(
            f"DOCBOT_LANGUAGE: docbot was not translated to `{language}`; "
            "docs/translating.md says how it is"
        )
    return catalogue


def models_at_work(settings: Settings) -> Models:
    endpoint = settings.openai_base_url or OPENAI_URL
    return Models(settings.docbot_chat_model, settings.docbot_embedding_model, endpoint)


def _told(changed: Sequence[str], need_restart: Sequence[str], *, env_file_read: bool) -> str:
    """Name what was taken in and what was not, and why; values are never shown."""
    lines = [texts.taken_in(_as_code(changed)) if changed else texts.nothing_changed()]
    if need_restart:
        lines.append(texts.needs_restart(_as_code(need_restart)))
    if not env_file_read:
        lines.append(texts.env_file_not_read())
    return "\n".join(lines)


def _as_code(names: Sequence[str]) -> list[str]:
    return [f"`{name}`" for name in names]


async def run_bot(settings: Settings, read_settings: Callable[[], Settings]) -> None:
    """Run until SIGTERM or Ctrl-C, also one that comes while the rooms are still opened.

    Raises:
        SettingsError: as `RunningBot.run` says.
        DocbotError: a part cannot be opened.
    """
    opening = asyncio.current_task()
    assert opening is not None  # noqa: S101  # a coroutine runs in a task
    bot: RunningBot | None = None
    _on_signals(opening.cancel)
    try:
        async with open_rooms(settings) as rooms:
            await refuse_endpoint_without_model(settings)
            bot = RunningBot(rooms, read_settings=read_settings)
            stop_on_signals(bot)
            await bot.run()
    except asyncio.CancelledError:
        if bot is not None:
            raise


def stop_on_signals(bot: RunningBot) -> None:
    _on_signals(bot.stop)


def _on_signals(call: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, call)


def _begin(parts: Sequence[ClaimLoop], tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    return [tasks.create_task(part.run(), name=type(part).__name__) for part in parts]


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
