"""What the checks of `docbot doctor` find, judged: pure functions from facts to plain words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from docbot.bot.access import Application, ForumAccess, GuildAccess
from docbot.bot.set_up import Found, losses
from docbot.db.activity import Holder
from docbot.db.forums import Forum
from docbot.db.generations import Generation
from docbot.db.sources import Source
from docbot.forum.bindings import set_staff_channel, what_lacks_staff

if TYPE_CHECKING:  # loading it would load Qdrant's client
    from docbot.retrieval.server import CollectionInfo

State = Literal["ok", "warning", "failed"]

# A holder gives a sign of life every 2 s; a machine that is very busy is late at times.
SILENT_SECONDS = 30.0
STALE_AFTER = timedelta(days=14)
SKEW_SECONDS = 5.0  # Discord's ids carry their time, by which docbot tells old posts from new
LITTLE_SPACE = 2 * 1024**3  # bytes
NO_SPACE = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `advice` is what to do, empty where `says` tells it already."""

    part: str
    state: State
    says: str
    advice: str = ""


def judge_settings(names: Sequence[str]) -> Finding:
    """Tell which settings were given; their values are nobody's business here."""
    said = ", ".join(names) or "none given: docbot's own Postgres and index, and no model"
    return Finding("settings", "ok", said)


def judge_space(folder: Path, free: int) -> Finding:
    """Judge the free bytes of the disk that holds the data folder."""
    says = f"{folder}, {free / 1024**3:.1f} GB free"
    advice = "make room: an index needs three times its size while it is built"
    if free < NO_SPACE:
        return Finding("data folder", "failed", says, advice)
    if free < LITTLE_SPACE:
        return Finding("data folder", "warning", says, advice)
    return Finding("data folder", "ok", says)


def refuse_folder(folder: Path) -> Finding:
    """Tell of a data folder in which this user can neither read nor write."""
    return Finding(
        "data folder",
        "failed",
        f"{folder} cannot be used by this user",
        "run docbot as the user whom it belongs to, or set DOCBOT_DATA_DIR to a folder of its own",
    )


def judge_holder(holder: Holder | None, *, is_needed: bool) -> Finding:
    """Judge whether a bot acts on this database; `is_needed` where it is wrong that none does."""
    if holder is None:
        state: State = "failed" if is_needed else "warning"
        advice = "start `docbot run`; if it runs, its log says what keeps it"
        return Finding("bot", state, "no `docbot run` acts on this database", advice)
    name = holder.name or "a process that has just begun"
    silent = holder.silent_seconds
    if silent is not None and silent > SILENT_SECONDS:
        says = f"{name} acts, but gave no sign of life for {silent:.0f} seconds"
        return Finding("bot", "failed", says, "restart it; what it held is taken up again")
    return Finding("bot", "ok", f"{name} acts")


def judge_index(current: Generation | None, *, is_open: bool, is_stale: bool) -> Finding:
    """Judge the index that searches use."""
    if current is None:
        return Finding("index", "warning", "nothing was indexed yet", "docbot sync")
    if not is_open:
        says = f"index {current.name} cannot be opened"
        return Finding("index", "failed", says, "docbot sync builds it again")
    by = f"words and {current.embedding_model}" if current.embedding_model else "words"
    says = f"{current.points} chunks, found by {by}"
    if is_stale:
        return Finding("index", "warning", f"{says}; it is behind what was read", "docbot sync")
    return Finding("index", "ok", says)


def judge_collection(current: Generation, found: "CollectionInfo | None") -> Finding:
    """Judge the collection on a Qdrant server that holds the index in use."""
    advice = "docbot sync builds it again"
    if found is None:
        return Finding(
            "Qdrant", "failed", f"the collection of index {current.name} is missing", advice
        )
    if found.dimensions != current.dimensions:
        says = (
            f"the collection of index {current.name} has vectors of {found.dimensions} numbers, "
            f"not of {current.dimensions}"
        )
        return Finding("Qdrant", "failed", says, advice)
    if found.points != current.points:
        says = (
            f"the collection of index {current.name} has {found.points} of {current.points} chunks"
        )
        return Finding("Qdrant", "failed", says, advice)
    return Finding("Qdrant", "ok", f"holds index {current.name}")


def judge_sources(sources: Sequence[Source], now: datetime) -> list[Finding]:
    """Judge the age of what was read."""
    if not sources:
        advice = "docbot sources add NAME URL_OR_FOLDER"
        return [Finding("sources", "warning", "none yet: there is nothing to answer from", advice)]
    return [_judge_source(source, now) for source in sources]


def _judge_source(source: Source, now: datetime) -> Finding:
    part, again = f"source {source.name}", f"docbot sync {source.name}"
    if source.synced_at is None:
        return Finding(part, "warning", "was never read", again)
    age = now - source.synced_at
    says = f"{source.pages} pages, read {_ago(age)}"
    if not source.pages:
        advice = f"is {source.location} the right place? {again} says what failed"
        return Finding(part, "failed", says, advice)
    if age > STALE_AFTER:
        return Finding(part, "warning", says, again)
    return Finding(part, "ok", says)


def _ago(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    if hours < 1:
        return "within the last hour"
    return f"{hours} hours ago" if hours < 48 else f"{hours // 24} days ago"


def judge_dimensions(model: str, *, given: int, stored: int | None) -> Finding:
    """Judge the length of the vectors that an endpoint gives by those that are stored."""
    if stored is not None and stored != given:
        return Finding(
            "embeddings",
            "failed",
            f"{model} gives vectors of {given} numbers, those stored have {stored}",
            "the model behind that name changed: give it another name, or set another "
            "DOCBOT_EMBEDDING_MODEL, then docbot sync",
        )
    return Finding("embeddings", "ok", f"{model} answers, {given} numbers a vector")


def judge_clock(seconds_ahead: float | None) -> Finding:
    """Judge this machine's clock by Discord's."""
    if seconds_ahead is None:
        return Finding("clock", "warning", "Discord did not tell its time")
    if abs(seconds_ahead) > SKEW_SECONDS:
        side = "ahead of" if seconds_ahead > 0 else "behind"
        says = f"{abs(seconds_ahead):.0f} seconds {side} Discord's"
        return Finding("clock", "failed", says, "let the machine's clock be set over the network")
    return Finding("clock", "ok", "as Discord's, to a few seconds")


def judge_application(application: Application) -> list[Finding]:
    """Judge how the bot is registered with Discord."""
    page = "https://discord.com/developers/applications (your application > Bot)"
    findings = [Finding("Discord", "ok", f"signed in as {application.name}")]
    if not application.has_message_content:
        findings.append(
            Finding(
                "Discord",
                "failed",
                "the Message Content intent is off, so docbot cannot read posts",
                f"switch it on at {page}",
            )
        )
    if application.requires_code_grant:
        says = "Requires OAuth2 Code Grant is on, so nobody can invite the bot"
        findings.append(Finding("Discord", "failed", says, f"switch it off at {page}"))
    return findings


def judge_guilds(count: int, invite_link: str) -> Finding:
    """Judge in how many servers docbot is."""
    if not count:
        return Finding(
            "Discord", "warning", "docbot is in no server yet", f"invite it: {invite_link}"
        )
    return Finding("Discord", "ok", f"in {count} server{'s' if count > 1 else ''}")


def judge_passed_over(lines: Sequence[str]) -> list[Finding]:
    """Tell of each stored value that this version cannot read."""
    return [Finding("config", "warning", line) for line in lines]


def judge_forum(bound: Forum, guild: GuildAccess | None, invite_link: str) -> list[Finding]:
    """Judge a bound forum by what Discord tells of its server; None where docbot is not in it."""
    whole = _judge_access(bound, guild, invite_link)
    forum = _find_forum(bound, guild)
    if guild is None or forum is None or whole.state == "failed":
        return [whole]
    role_id, staff_id = bound.config.helper_role, bound.config.staff_channel
    found = Found(
        forum.roles.get(role_id) if role_id else None,
        guild.channels.get(staff_id) if staff_id else None,
        forum.tags,
    )
    lost = [Finding(whole.part, "warning", each.says, each.advice) for each in losses(bound, found)]
    return [whole, *lost]


def _find_forum(bound: Forum, guild: GuildAccess | None) -> ForumAccess | None:
    forums = guild.forums if guild else ()
    return next((forum for forum in forums if forum.channel_id == bound.channel_id), None)


def _judge_access(bound: Forum, guild: GuildAccess | None, invite_link: str) -> Finding:
    part = f"forum {bound.channel_id}"
    if guild is None:
        says = f"docbot is not in its server {bound.guild_id}"
        return Finding(part, "failed", says, f"invite it: {invite_link}")
    found = _find_forum(bound, guild)
    if found is None:
        says = f"server {guild.name} has no such forum or text channel"
        advice = f"docbot forum remove {bound.channel_id}, then docbot forum list --available"
        return Finding(part, "failed", says, advice)
    part = found.called
    if guild.timed_out_until is not None:
        says = f"a moderator of {guild.name} timed docbot out until {until(guild.timed_out_until)}"
        advice = "wait, or end it there: Members, docbot, Remove Timeout"
        return Finding(part, "failed", says, advice)
    if found.missing:
        return Finding(part, "failed", *lack(found, found.missing))
    if not bound.source_names:
        advice = f"docbot forum add {bound.guild_id} {bound.channel_id} --source NAME"
        return Finding(part, "failed", "has no source to answer from", advice)
    return (
        _judge_staff(part, bound)
        or _judge_wanted(part, found)
        or Finding(
            part, "ok", f"in {guild.name}: {bound.mode}, from {', '.join(bound.source_names)}"
        )
    )


def _judge_staff(part: str, bound: Forum) -> Finding | None:
    lacking = what_lacks_staff(bound)
    if not lacking:
        return None
    state: State = "failed" if bound.mode == "draft" else "warning"
    says = f"has no staff channel: {'; '.join(lacking)}"
    return Finding(part, state, says, set_staff_channel(bound))


def _judge_wanted(part: str, found: ForumAccess) -> Finding | None:
    return Finding(part, "warning", *lack(found, found.wanted)) if found.wanted else None


def until(moment: datetime) -> str:
    """Say when something ends, for operators anywhere."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def lack(forum: ForumAccess, rights: Sequence[str]) -> tuple[str, str]:
    """Say what docbot lacks in a forum, and how to give it."""
    missing = ", ".join(rights)
    place = f"in {forum.guild_name}, Edit Channel #{forum.channel_name} > Permissions"
    return f"docbot lacks there: {missing}", f"{place}, allow docbot's role: {missing}"
