"""The command line: arguments in, text out. Exit codes: 0 done, 1 failed, 2 wrong usage."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from docbot import __version__
from docbot.config import MODES
from docbot.errors import DocbotError, SettingsError, UsageError
from docbot.settings import Settings, load
from docbot.telemetry import set_up_logging
from docbot.text import printable

if TYPE_CHECKING:
    from docbot.app.configuring import Change
    from docbot.app.reading import Outcome
    from docbot.app.rooms import Rooms
    from docbot.forum.bindings import Place

Result = TypeVar("Result")

_ID = click.IntRange(1, 2**63 - 1)  # Discord's ids and ours are bigint in Postgres
_UNSPLIT = 1_000_000  # characters: a terminal has no limit for a message
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> NoReturn:
    try:
        _refuse_unreadable(sys.argv[1:])
        # See no-color.org; without it click colours a terminal and nothing else.
        commands(standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
    except click.Abort:
        click.echo("docbot: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UsageError as error:
        _fail(error, 2)
    except DocbotError as error:
        _fail(error, 1)
    sys.exit(0)


def _refuse_unreadable(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:  # the shell's own bytes, kept as surrogates
            raise UsageError(f"{argument!a}: is not UTF-8; write it as such") from error


def _fail(error: DocbotError, code: int) -> NoReturn:
    click.echo(f"docbot: {printable(str(error))}", err=True)
    sys.exit(code)


@click.group(context_settings=_HELP)
@click.version_option(__version__, prog_name="docbot")
def commands() -> None:
    """A Discord help bot that answers forum posts from your documentation.

    \b
    Try it without any account:   docbot demo
    For a real server:            docbot sources add docs https://docs.example.org/
                                  docbot sync
                                  docbot forum list --available
                                  docbot forum add GUILD_ID CHANNEL_ID --source docs
                                  docbot run
    When something is wrong:      docbot doctor
    """


def _with_rooms(task: Callable[["Rooms"], Awaitable[Result]]) -> Result:
    """Open what a command works with, do its task, close everything."""
    from docbot.app.rooms import open_rooms

    settings = _settings()

    async def opened() -> Result:
        async with open_rooms(settings) as rooms:
            return await task(rooms)

    return asyncio.run(opened())


def _settings(usual_level: str = "warning") -> Settings:
    """Read the settings and set up logging; only a bot that runs for long tells what it does."""
    settings = load()
    chosen = "docbot_log_level" in settings.model_fields_set
    level = settings.docbot_log_level if chosen else usual_level
    set_up_logging(level, settings.docbot_log_format, settings.secrets())
    return settings


class TerminalProgress:
    """A line that counts on a terminal, now and then a plain line elsewhere; on stderr."""

    _EVERY = 100  # plain lines

    def __init__(self) -> None:
        self._moving = sys.stderr.isatty()
        self._what = ""
        self._total: int | None = None
        self._told = 0

    def begin(self, what: str) -> None:
        self._what, self._total, self._told = what, None, 0
        click.echo(f"{what} ...", err=True, nl=not self._moving)

    def expect(self, total: int) -> None:
        self._total = total

    def at(self, done: int) -> None:
        if self._moving:
            click.echo(f"\r\x1b[2K{self._line(done)}", err=True, nl=False)
        elif done // self._EVERY > self._told:
            self._told = done // self._EVERY
            click.echo(self._line(done), err=True)

    def end(self) -> None:
        if self._moving:
            click.echo("\r\x1b[2K", err=True, nl=False)

    def _line(self, done: int) -> str:
        if self._total is None:
            return f"{self._what}: {done}"
        filled = 24 * min(done, self._total) // max(self._total, 1)
        return f"{self._what} [{'#' * filled}{'-' * (24 - filled)}] {done}/{self._total}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _warn(warning: str) -> None:
    click.echo(f"docbot: {warning}", err=True)


def _say(line: str) -> None:
    click.echo(printable(line))


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@commands.command()
@click.option("--source", metavar="URL_OR_FOLDER", help="Documentation to answer from.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8710,
    show_default=True,
    help="Where the page is served.",
)
@click.option("--once", is_flag=True, help="Ask one sample question, print the answer, exit.")
def demo(source: str | None, port: int, once: bool) -> None:
    """A local forum in the browser, no Discord account.

    \b
    Examples:
      docbot demo
      docbot demo --source https://docs.example.org/
      docbot demo --once
    """
    from docbot.app.demo import run_demo

    asyncio.run(
        run_demo(
            _settings(),
            source=source,
            port=port,
            once=once,
            say=click.echo,
            progress=TerminalProgress(),
        )
    )


@commands.command()
def run() -> None:
    """The bot: answers in the forums that are bound.

    \b
    Needs DISCORD_TOKEN (in the environment or in .env). Example:
      DISCORD_TOKEN=... docbot run
    """
    # Before there is an event loop to tell, and after it: nothing is in hand.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from docbot.app.run import run_bot
    from docbot.processes import freeze_what_is_loaded

    freeze_what_is_loaded()
    settings = _settings(usual_level="info")
    _token(settings)
    try:
        asyncio.run(run_bot(settings, load))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@commands.group()
def sources() -> None:
    """The documentation that docbot reads."""


@sources.command("add")
@click.argument("name")
@click.argument("location", metavar="URL_OR_FOLDER")
@click.option(
    "--base-url", metavar="URL", help="The address that stands in place of where it was read."
)
@click.option(
    "--include",
    multiple=True,
    metavar="GLOB",
    help="Read these too, though they would be left out, as `v1.2/**`. May be given again.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Do not read these, as `blog/**`.")
@click.option("--selector", metavar="CSS", help="Where the text of a page is, as `#content`.")
@click.option(
    "--max-pages",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="How many pages are read at most; 5000 unless said.",
)
def sources_add(name: str, location: str, **options: Any) -> None:
    """Add documentation: a website, a folder, or a file of JSON Lines.

    A folder may hold Markdown, MDX, reStructuredText, HTML and, with docbot[pdf], PDF. A line of
    JSON Lines is {"url": ..., "title": ..., "markdown": ...}.

    \b
    Examples:
      docbot sources add docs https://docs.example.org/
      docbot sources add docs https://docs.example.org/ --exclude 'blog/**' --include 'v1.2/**'
      docbot sources add docs ./docs --base-url https://docs.example.org/
      docbot sources add wiki ./wiki.jsonl
    """
    from docbot.app.sources import Wanted, add_source

    wanted = Wanted(name, location, **options)
    for warning in _with_rooms(partial(add_source, wanted=wanted)):
        click.echo(f"warning: {printable(warning)}", err=True)
    click.echo(printable(f"Added {name} ({location}). Next: docbot sync {name}"))


@sources.command("list")
def sources_list() -> None:
    """Show every source: its pages, its syncs, and what fails.

    \b
    Example:
      docbot sources list
    """
    from docbot.app.sources import lines_about_sources

    lines = _with_rooms(lines_about_sources)
    for line in lines or ["No source yet. Next: docbot sources add NAME URL_OR_FOLDER"]:
        click.echo(printable(line))


@sources.command("remove")
@click.argument("name")
def sources_remove(name: str) -> None:
    """Remove a source with all that was read from it.

    \b
    Example:
      docbot sources remove docs
    """
    from docbot.app.rooms import rebuild_index
    from docbot.db.locks import sync_lock

    async def remove(rooms: "Rooms") -> None:
        async with sync_lock(rooms.database):
            await rooms.sources.remove(name)
            await rebuild_index(rooms)
        click.echo(f"Removed {name}.")

    _with_rooms(remove)


def _confirmed(question: str) -> bool:
    """Ask on the terminal; Ctrl-C ends it there, which an event loop would only take note of."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)


@commands.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--full", is_flag=True, help="Read every page anew, changed or not.")
@click.option("--yes", is_flag=True, help="Remove pages that are gone, however many.")
def sync(names: Sequence[str], full: bool, yes: bool) -> None:
    """Fetch what changed in the documentation and index it.

    Where more than 30 % of a source's pages are gone it asks before it removes them.

    \b
    Examples:
      docbot sync
      docbot sync docs --full
    """
    from docbot.app.reading import sync_sources

    progress = TerminalProgress()

    async def may_remove(doomed: int, pages: int) -> bool:
        if yes or not sys.stdin.isatty():
            return yes
        progress.end()
        return _confirmed(f"{doomed} of {pages} pages are gone. Remove them?")

    async def read(rooms: "Rooms") -> "Outcome":
        return await sync_sources(
            rooms, names, full=full, say=_say, progress=progress, may_remove=may_remove
        )

    outcome = _with_rooms(read)
    if not outcome.sources:
        raise DocbotError("nothing could be read; see the reasons above")
    if outcome.held:
        raise DocbotError(f"pages of {', '.join(outcome.held)} were not removed; see above")
    if not outcome.embedded:
        raise DocbotError("not all could be embedded; until it is, what is new is found by words")


@commands.group()
def models() -> None:
    """Embedding models that run on this machine; they need docbot[local-embeddings]."""


@models.command("list")
def models_list() -> None:
    """Show every model: its vectors' length, its size, its licence, whether it is here.

    \b
    Example:
      docbot models list
    """
    from docbot.app.models import lines_about_models

    for line in lines_about_models(_settings()):
        click.echo(line)


@models.command("fetch")
@click.argument("name")
def models_fetch(name: str) -> None:
    """Fetch a model into the data folder; nothing else ever does.

    \b
    Example:
      docbot models fetch BAAI/bge-small-en-v1.5
    """
    from docbot.app.models import fetch_model

    fetched = asyncio.run(fetch_model(_settings(), name, TerminalProgress()))
    click.echo(f"{fetched} is here. Set DOCBOT_EMBEDDING_MODEL=local:{fetched} to search with it.")


@commands.command()
@click.argument("query")
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source.")
@click.option("--limit", default=8, show_default=True, type=click.IntRange(1, 50))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def search(query: str, names: Sequence[str], limit: int, as_json: bool) -> None:
    """Find the pages that answer.

    \b
    Example:
      docbot search "how do I bind a forum" --limit 3
    """
    from docbot.app.asking import search_once
    from docbot.retrieval.search import SearchResult

    async def find(rooms: "Rooms") -> SearchResult:
        return await search_once(rooms, query, names, limit)

    result = _with_rooms(find)
    if result.warning:
        _warn(result.warning)
    found = result.passages
    if as_json:
        _print_json([_search_row(passage) for passage in found])
    elif not found:
        click.echo("Nothing found.")
    else:
        for passage in found:
            line = f"{passage.rank}. {passage.title} › {passage.heading}\n   {passage.url}"
            click.echo(printable(line))


def _search_row(passage: Any) -> dict[str, Any]:
    fields = ("rank", "url", "title", "heading", "text", "score", "source")
    return {field: getattr(passage, field) for field in fields}


@commands.command()
@click.argument("question")
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def ask(question: str, names: Sequence[str], as_json: bool) -> None:
    """Answer a question as the bot would.

    On a terminal each sentence of a model is shown once it is checked.

    \b
    Example:
      docbot ask "Which permissions does the bot need?"
    """
    from docbot.app.asking import ask_once
    from docbot.app.draft import Draft

    draft = Draft(partial(click.echo, nl=False))
    on_text = None if as_json or not sys.stdout.isatty() else draft.add

    async def answer(rooms: "Rooms") -> Any:
        return await ask_once(rooms, question, names, warn=_warn, on_text=on_text)

    try:
        found = _with_rooms(answer)
    finally:
        draft.close()
    if as_json:
        _print_json(
            {
                "lane": found.lane,
                "text": found.text,
                "citations": [asdict(citation) for citation in found.citations],
                "model": found.model,
                "timings_ms": found.timings_ms,
            }
        )
        return
    from docbot import texts
    from docbot.answers.write import write

    final = printable(
        "\n".join(message.content for message in write(found, _UNSPLIT)) or texts.nothing_found()
    )
    click.echo(draft.left_to_say(final, found.cut))


@commands.command("eval")
@click.argument("questions", metavar="QUESTIONS.jsonl", type=click.Path(path_type=Path))
@click.option("--cross", is_flag=True, help="Ask each question of the other sources too.")
@click.option(
    "--remove-gold", is_flag=True, help="Ask each question without the pages that answer it too."
)
@click.option("--no-model", is_flag=True, help="Leave the chat model out.")
@click.option("--config", metavar="CONFIG", help="What is measured, as `dense=off`.")
@click.option("--against", metavar="CONFIG", help="Measure this too, and compare the two.")
@click.option(
    "--gate",
    metavar="BASELINE.json",
    type=click.Path(path_type=Path),
    help="Fail where a figure is worse than in this document of an earlier --json.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one page with plots, too.",
)
def evaluate(as_json: bool, html: Path | None, **options: Any) -> None:
    """Measure how well questions with known answers are found and answered.

    Each line of QUESTIONS.jsonl is {"id", "source", "title", "body", "gold": [addresses]}; with
    an empty `gold` it should not be answered. CONFIG is name=value[,name=value...] or a TOML file.
    docs/evaluation.md says how to read the figures.

    \b
    Examples:
      docbot eval questions.jsonl
      docbot eval questions.jsonl --cross --remove-gold --html report.html
      docbot eval questions.jsonl --against dense=off
      docbot eval questions.jsonl --json > baseline.json
      docbot eval questions.jsonl --gate baseline.json
    """
    from docbot.app.evaluating import Wanted
    from docbot.app.evaluating import evaluate as measure
    from docbot.evaluation.page import page_of
    from docbot.evaluation.report import Report, document
    from docbot.evaluation.table import lines_of

    if html is not None:
        _refuse_page(html)
    progress = TerminalProgress()

    async def ask_all(rooms: "Rooms") -> Report:
        return await measure(rooms, Wanted(**options), progress=progress, warn=_warn)

    report = _with_rooms(ask_all)
    if as_json:
        _print_json(document(report))
    else:
        for line in lines_of(report):
            click.echo(line)
    faults = report.faults
    if html is not None:
        faults += _write_page(html, page_of(report))
    if faults:
        raise DocbotError("; ".join(faults))


def _refuse_page(path: Path) -> None:
    """Refuse what cannot be written before anything is asked; a file that is there is left."""
    try:
        if not path.parent.is_dir():
            raise UsageError(f"--html {path}: there is no folder {path.parent}; make it first")
        if path.is_dir():
            raise UsageError(f"--html {path}: is a folder; name a file in it")
        if not os.path.lexists(path):
            path.touch()
            path.unlink()
        elif path.is_file():  # a pipe would wait for its reader
            path.open("ab").close()
    except OSError as error:
        raise UsageError(
            f"--html {path}: cannot be written ({error.strerror}); name another file"
        ) from error


def _write_page(path: Path, page: str) -> list[str]:
    """Write the page; give what went wrong."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        return [f"--html {path}: cannot be written ({error.strerror})"]
    return []


@commands.group()
def forum() -> None:
    """The forums that docbot answers in."""


@forum.command("add")
@click.argument("guild_id", type=_ID)
@click.argument("channel_id", type=_ID)
@click.option("--source", "names", multiple=True, required=True, metavar="NAME")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=MODES[0],
    show_default=True,
    help="auto answers new posts, draft shows staff a draft first, mention answers only when "
    "called (also in a text channel), off never.",
)
def forum_add(guild_id: int, channel_id: int, names: Sequence[str], mode: str) -> None:
    """Answer in a forum from one or more sources; again for a bound one to change it.

    In a text channel docbot answers when it is called; its mode is mention.

    \b
    Examples:
      docbot forum add 111111111111111111 222222222222222222 --source docs
      docbot forum add 111111111111111111 333333333333333333 --source docs --mode mention
    """

    async def add(rooms: "Rooms") -> None:
        chosen = await rooms.sources.get_many(names)
        await rooms.forums.bind(
            guild_id=guild_id,
            channel_id=channel_id,
            mode=mode,
            source_ids=[source.id for source in chosen],
        )
        click.echo(f"Forum {channel_id} is bound to {', '.join(names)} ({mode}).")
        for source in chosen:
            if not source.pages:
                click.echo(f"{source.name} has no pages yet. Next: docbot sync {source.name}")

    _with_rooms(add)


@forum.command("list")
@click.option("--available", is_flag=True, help="All forums that docbot could answer in.")
def forum_list(available: bool) -> None:
    """Show the bound forums; or, with --available, those of every server docbot is in.

    Those available are forums, and text channels, in which docbot can answer who calls it.

    \b
    Examples:
      docbot forum list
      docbot forum list --available
    """
    if available:
        _show_available_forums()
        return

    async def show(rooms: "Rooms") -> None:
        found = await rooms.forums.all()
        if not found:
            click.echo("No forum yet. Next: docbot forum add GUILD_ID CHANNEL_ID --source NAME")
        for bound in found:
            click.echo(
                f"guild {bound.guild_id}  forum {bound.channel_id}  {bound.mode}  "
                f"{', '.join(bound.source_names) or 'no source'}"
            )

    _with_rooms(show)


def _show_available_forums() -> None:
    from docbot.app.findings import until
    from docbot.bot.access import GuildAccess, signed_in

    async def look(rooms: "Rooms") -> None:
        settings, bound = rooms.settings, {forum.channel_id for forum in await rooms.forums.all()}
        async with signed_in(
            _token(settings), settings.docbot_discord_api, settings.docbot_discord_proxy
        ) as access:
            invite_link = access.application().invite_link
            guilds = await access.guilds()
        if not guilds:
            click.echo(f"docbot is in no server yet. Invite it: {invite_link}")
        for guild in guilds:
            _show_guild(guild, bound)

    def _show_guild(guild: GuildAccess, bound: set[int]) -> None:
        click.echo(f"{guild.name}  {guild.id}")
        if guild.timed_out_until is not None:
            click.echo(f"  a moderator timed docbot out until {until(guild.timed_out_until)}")
        for forum in guild.forums:
            state = "bound" if forum.channel_id in bound else "not bound"
            lacking = f"  missing: {', '.join(forum.missing)}" if forum.missing else ""
            click.echo(f"  {forum.channel_id}  {forum.called}  {state}{lacking}")
        if not any(forum.is_forum for forum in guild.forums):
            click.echo("  no forum; create a channel of the type Forum")

    _with_rooms(look)


def _token(settings: Settings) -> str:
    if settings.discord_token is None:
        raise UsageError(
            "DISCORD_TOKEN is not set; create a bot at "
            "https://discord.com/developers/applications and put its token into .env"
        )
    return settings.discord_token.get_secret_value()


@forum.command("remove")
@click.argument("channel_id", type=_ID)
def forum_remove(channel_id: int) -> None:
    """Answer no more in a forum.

    \b
    Example:
      docbot forum remove 222222222222222222
    """

    async def remove(rooms: "Rooms") -> None:
        await rooms.forums.remove(channel_id)
        click.echo(f"Forum {channel_id} is no longer bound.")

    _with_rooms(remove)


@commands.group()
def config() -> None:
    """What is set for a server or a forum; a running bot takes a change in at once."""


_guild = click.option(
    "--guild",
    "guild_id",
    type=_ID,
    metavar="ID",
    help="The server; may be left out where docbot knows only one.",
)
_forum = click.option(
    "--forum", "channel_id", type=_ID, metavar="ID", help="Only this forum of it."
)


@config.command("list")
@_guild
@_forum
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def config_list(guild_id: int | None, channel_id: int | None, as_json: bool) -> None:
    """Show every setting: what holds, where that comes from, its default, what it does.

    \b
    Examples:
      docbot config list
      docbot config list --forum 222222222222222222
    """
    from docbot.app.configuring import Settings, find_place, settings_of

    async def look(rooms: "Rooms") -> tuple["Place", Settings]:
        place = await find_place(rooms, guild_id, channel_id)
        return place, await settings_of(rooms, place)

    place, settings = _with_rooms(look)
    for warning in settings.warnings:
        _warn(printable(warning))
    if as_json:
        _print_json([_config_row(each) for each in settings.found])
        return
    _say(f"{place.name}:")
    for each in settings.found:
        default = each.entry.show(each.entry.default)
        origin = "default" if each.origin == "default" else f"{each.origin}; default {default}"
        _say(f"{each.entry.name} = {each.shown}  ({origin})\n    {each.entry.effect}")
    for note in settings.notes:
        _say(note)


def _config_row(found: Any) -> dict[str, Any]:
    entry = found.entry
    return {
        "name": entry.name,
        "value": found.shown,
        "from": found.origin,
        "default": entry.show(entry.default),
        "scope": entry.scope,
        "allowed": entry.kind.allowed,
        "example": entry.example,
        "effect": entry.effect,
        "set_by": entry.set_by,
    }


@config.command("set")
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="VALUE")
@_guild
@_forum
def config_set(
    name: str, words: Sequence[str], guild_id: int | None, channel_id: int | None
) -> None:
    """Set NAME to VALUE for a server, or with --forum for one forum of it.

    What a server has holds in all its forums that have no value of their own.

    \b
    Examples:
      docbot config set staff-channel 222222222222222222
      docbot config set settle-seconds 10 --forum 222222222222222222
      docbot config set limit-overrides role:333333333333333333=50/6 first
    """
    from docbot.app.configuring import find_place, set_value

    async def store(rooms: "Rooms") -> "tuple[Place, Change]":
        place = await find_place(rooms, guild_id, channel_id)
        return place, await set_value(rooms, place, name, " ".join(words))

    _tell_change(name, *_with_rooms(store))


@config.command("unset")
@click.argument("name")
@_guild
@_forum
def config_unset(name: str, guild_id: int | None, channel_id: int | None) -> None:
    """Let NAME have the value of the server again, or its default.

    \b
    Examples:
      docbot config unset staff-channel
      docbot config unset settle-seconds --forum 222222222222222222
    """
    from docbot.app.configuring import find_place, unset_value

    async def remove(rooms: "Rooms") -> "tuple[Place, Change | None]":
        place = await find_place(rooms, guild_id, channel_id)
        return place, await unset_value(rooms, place, name)

    place, change = _with_rooms(remove)
    if change is None:
        _say(f"{name} is not set for {place.name}; nothing was changed.")
    else:
        _tell_change(name, place, change)


def _tell_change(name: str, place: "Place", change: "Change") -> None:
    _say(f"{name} of {place.name}: {change.before} -> {change.after}")
    if change.undo is not None:
        _say(f"To undo: {change.undo}")


@commands.group()
def questions() -> None:
    """What was asked, and what became of it."""


@questions.command("list")
@click.option("--state", help="Only questions in this state, such as failed.")
def questions_list(state: str | None) -> None:
    """Show the newest questions, newest first.

    \b
    Examples:
      docbot questions list
      docbot questions list --state failed
    """
    from docbot.db.questions import STATES

    if state is not None and state not in STATES:
        raise UsageError(f"--state {state}: there is no such state; states: {', '.join(STATES)}")

    async def show(rooms: "Rooms") -> None:
        found = await rooms.questions.all(state)
        for question in found:
            reason = f" ({question.reason})" if question.reason else ""
            title = question.title or question.origin
            click.echo(f"{question.id}  {question.state}{reason}  {title}")
        if any(question.state == "failed" for question in found):
            click.echo("One that failed is tried again by: docbot questions retry ID")

    _with_rooms(show)


@questions.command("show")
@click.argument("question_id", type=_ID)
def questions_show(question_id: int) -> None:
    """Show one question with its answer and what became of each message.

    \b
    Example:
      docbot questions show 42
    """

    async def show(rooms: "Rooms") -> None:
        found = await rooms.questions.find(question_id)
        if found is None:
            raise UsageError(
                f"there is no question {question_id}; `docbot questions list` shows all"
            )
        for name, value in asdict(found).items():
            click.echo(f"{name}: {'' if value is None else value}")
        for part in await rooms.outbox.of_question(question_id):
            reason = f" ({part.reason})" if part.reason else ""
            at = f" as {part.message_id}" if part.message_id else ""
            tried = f"tried {_counted(part.attempt, 'time')}"
            click.echo(f"message {part.part}: {part.state}{at}, {tried}{reason}")

    _with_rooms(show)


@questions.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--solved", is_flag=True, help="The posts whose answers helped; must be given.")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
def questions_export(file: Path, solved: bool, force: bool) -> None:
    """Write solved questions into FILE, or - for standard output, for `docbot eval`.

    Solved are the posts whose answer somebody found helpful and nobody not right. Each is a line
    of JSON: {"id", "source", "title", "body", "gold"}; gold are the pages that the answer cited.
    The file holds what members wrote.

    \b
    Examples:
      docbot questions export --solved solved.jsonl
      docbot questions export --solved - > solved.jsonl
    """
    from docbot.app.solved import export_solved

    if not solved:
        raise UsageError(
            "only of solved questions is it known which pages answer them; "
            f"docbot questions export --solved {file}"
        )

    async def export(rooms: "Rooms") -> None:
        await export_solved(rooms, file, force=force, say=_warn)

    _with_rooms(export)


@questions.command("retry")
@click.argument("question_id", type=_ID)
def questions_retry(question_id: int) -> None:
    """Try a failed question again.

    Messages of its answer that were not sent are sent; without an answer it is answered anew.
    A running bot begins at once, otherwise the next one does.

    \b
    Example:
      docbot questions retry 42
    """

    async def retry(rooms: "Rooms") -> None:
        from docbot.forum.again import try_again

        again = await try_again(rooms.pool, rooms.questions, rooms.outbox, question_id)
        what = "waits to be answered"
        if again.messages:
            what = f"has {_counted(again.messages, 'message')} to be sent"
        click.echo(f"question {question_id} {what}")

    _with_rooms(retry)


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
def backup(file: Path, force: bool) -> None:
    """Write all that docbot knows into one file, also while the bot runs.

    The file holds what members wrote: keep it as you keep the database. It has no password, no
    token and no index; the vectors of an embedding model are in it.

    \b
    Examples:
      docbot backup docbot.tar
      docbot backup /backups/docbot-monday.tar --force
    """
    from docbot.app.copies import back_up

    asyncio.run(
        back_up(_settings(), file, force=force, say=click.echo, progress=TerminalProgress())
    )


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Bring a backup into an empty database and build the index; the bot must not run.

    The whole file is checked first. It is loaded whole or, when anything fails, not at all.

    \b
    Examples:
      docbot restore docbot.tar
      DOCBOT_DATA_DIR=/var/lib/docbot-new docbot restore docbot.tar
    """
    from docbot.app.copies import restore as bring_back

    asyncio.run(bring_back(_settings(), file, say=click.echo, progress=TerminalProgress()))


@commands.command()
@click.option("--quick", is_flag=True, help="Only whether a bot runs and lives; no call outside.")
def doctor(quick: bool) -> None:
    """Check every part and say what to do about each that fails.

    A check of a model costs a few tokens. --quick is meant for the health check of a container.

    \b
    Examples:
      docbot doctor
      docbot doctor --quick
    """
    from docbot.app.doctor import Examination
    from docbot.app.findings import Finding

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}

    def tell(finding: Finding) -> None:
        state = click.style(f"{finding.state:8}", fg=colours[finding.state], bold=True)
        click.echo(f"{state} {finding.part}: {finding.says}")
        if finding.advice:
            click.echo(f"         → {finding.advice}")

    try:
        settings = _settings("error")
    except SettingsError as error:
        tell(Finding("settings", "failed", str(error)))
        raise DocbotError("nothing else was checked") from error
    examination = Examination(settings, tell)
    asyncio.run(examination.quick() if quick else examination.whole())
    if examination.failed:
        raise DocbotError(f"{_counted(examination.failed, 'check')} failed; see above")
