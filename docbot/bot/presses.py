"""Buttons, forms and commands about a thread, from the press to the line that answers it.

What a press says of itself is not believed: its ids are looked up in the server and the channel that
Discord names, and who pressed is judged by the rights that Discord gives with the press. Each is
acknowledged at once, and answered to the one person alone.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

import discord

from docbot import texts
from docbot.bot import faults
from docbot.bot.acknowledging import (
    Interaction,
    Report,
    acknowledge,
    in_time,
    say,
    see_through,
)
from docbot.bot.held import offer_to_forget
from docbot.bot.search import turns_a_page
from docbot.bot.staff import actor_of
from docbot.bot.status import shown
from docbot.bot.translate import forum_of, message_from, thread_from
from docbot.bot.views import forget_view, reason_view
from docbot.db.drafts import StoredDraft
from docbot.errors import GoneError, RefusedError
from docbot.forum.admission import Admission
from docbot.forum.bindings import Bindings
from docbot.forum.conduct import Decision, Refusal
from docbot.forum.events import Actor, Closed, Escalated, Event, Opened, Solved, Unsolved
from docbot.forum.forgetting import Forgetting
from docbot.forum.learning import SeenSolution, why_not
from docbot.forum.presses import LONGEST_NOTE, Presses, SeenDraft, Written, why_not_draft

_FIELD_CHARACTERS = 4000  # Discord's limit for a field of a form
_FIELDS = 5
_TITLE_CHARACTERS = 45

_OURS = re.compile(r"docbot\b.*", re.DOTALL)
_VOTE = re.compile(r"docbot:vote:(helpful|not_right):(\d{1,19}):\d{1,19}")
_REASON = re.compile(r"docbot:reason:(outdated|inaccurate|unanswered|none):(\d{1,19})")
_OTHER = re.compile(r"docbot:reason:(other):(\d{1,19})")
_WHY = re.compile(r"docbot:why:(\d{1,19})")
_DRAFT = re.compile(r"docbot:draft:(send|discard):(\d{1,19}):(\d{1,9}):\d{1,19}")
_EDIT = re.compile(r"docbot:draft:(edit):(\d{1,19}):(\d{1,9}):\d{1,19}")
_EDITED = re.compile(r"docbot:(edited):(\d{1,19}):(\d{1,9})")
_LEARN = re.compile(r"docbot:learn:(accept|discard):(\d{1,19}):(\d{1,9}):\d{1,19}")
_LEARN_EDIT = re.compile(r"docbot:learn:(edit):(\d{1,19}):(\d{1,9}):\d{1,19}")
_LEARNED = re.compile(r"docbot:(learned):(\d{1,19}):(\d{1,9})")
_THREAD = re.compile(r"docbot:(solve|human):\d{1,19}:\d{1,19}")
# It names nobody: it is about whoever presses.
_FORGET = re.compile(r"docbot:forget:(erase|keep)")
_HIGHEST_ID = 2**63 - 1


class PressDesk:
    """Answers the presses of one connection."""

    def __init__(
        self,
        presses: Presses,
        forgetting: Forgetting,
        admission: Admission,
        bindings: Bindings,
        report: Report,
    ) -> None:
        self._presses = presses
        self._forgetting = forgetting
        self._admission = admission
        self._bindings = bindings
        self._report = report

    async def take(self, interaction: Interaction) -> bool:
        """Answer a press or a form of docbot's; False where it is for somebody else."""
        custom_id = str(_data_of(interaction).get("custom_id", ""))
        is_ours = _OURS.fullmatch(custom_id) and not turns_a_page(custom_id)
        if interaction.guild_id is None or not is_ours:
            return False
        if not await self.hears(interaction):
            return True
        forms = {
            _OTHER: self._ask_why,
            _EDIT: self._ask_for_text,
            _LEARN_EDIT: self._ask_for_solution,
        }
        for pattern, ask in forms.items():
            if found := pattern.fullmatch(custom_id):
                await see_through(interaction, custom_id, ask(interaction, found), self._report)
                return True
        for pattern, answer in self._answers().items():
            if found := pattern.fullmatch(custom_id):
                await self.answer(interaction, custom_id, answer(interaction, found))
                return True
        # Of another version, or forged.
        saying = say(interaction, texts.button_unknown())
        await see_through(interaction, "a button that is not known", saying, self._report)
        return True

    async def hears(self, interaction: Interaction) -> bool:
        """Whether anything is taken of this person here; who is banned is told that it is not."""
        if not self._admission.is_banned(interaction.guild_id or 0, interaction.user.id):
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            saying = say(interaction, texts.not_heard())
            await see_through(interaction, "a refusal", saying, self._report)
        return False

    def _answers(
        self,
    ) -> dict[re.Pattern[str], Callable[[Interaction, re.Match[str]], Awaitable[Any]]]:
        return {
            _VOTE: self._vote,
            _REASON: self._give_reason,
            _WHY: self._say_why,
            _DRAFT: self._decide_draft,
            _EDITED: self._edit_draft,
            _LEARN: self._decide_solution,
            _LEARNED: self._edit_solution,
            _THREAD: self._press_in_thread,
            _FORGET: self._forget,
        }

    async def answer(
        self, interaction: Interaction, what: str, work: Awaitable[tuple[str, Any] | str]
    ) -> None:
        """Acknowledge and work side by side; then say to the one person what came of it."""
        await see_through(interaction, what, _answer(interaction, work), self._report)

    # About a thread

    async def solve(self, interaction: Interaction) -> str:
        event = Solved(self._actor(interaction), datetime.now(UTC))
        return await self._in_thread(interaction, event, texts.marked_solved)

    async def mark_solution(self, interaction: Interaction, message: discord.Message) -> str:
        by = self._actor(interaction)
        event = Solved(by, datetime.now(UTC), message.id)
        messages = await self._marked(interaction.channel, message, by)
        return await self._in_thread(interaction, event, texts.marked_solved, messages)

    async def unsolve(self, interaction: Interaction) -> str:
        event = Unsolved(self._actor(interaction))
        return await self._in_thread(interaction, event, texts.marked_unsolved)

    async def close(self, interaction: Interaction) -> str:
        event = Closed(self._actor(interaction))
        return await self._in_thread(interaction, event, texts.thread_closed)

    async def open(self, interaction: Interaction) -> str:
        event = Opened(self._actor(interaction))
        return await self._in_thread(interaction, event, texts.thread_opened)

    async def escalate(self, interaction: Interaction) -> str:
        event = Escalated(self._actor(interaction))
        return await self._in_thread(interaction, event, texts.human_called)

    async def status(self, interaction: Interaction) -> str:
        """How the thread stands, to whoever asks."""
        channel = interaction.channel
        if not self._is_ours(channel):
            return texts.not_a_thread()
        status = await self._presses.status(channel.id, interaction.guild_id or 0)
        return shown(status) if status else texts.not_a_thread()

    async def _press_in_thread(self, interaction: Interaction, found: re.Match[str]) -> str:
        return await (self.solve if found[1] == "solve" else self.escalate)(interaction)

    async def _in_thread(
        self,
        interaction: Interaction,
        event: Event,
        done: Callable[[], str],
        messages: Sequence[discord.Message] = (),
    ) -> str:
        channel = interaction.channel
        if not self._is_ours(channel):
            return texts.not_a_thread()
        has_say = self._has_say_in(channel, self._actor(interaction))
        told = [message_from(each, channel) for each in messages]
        # Whoever has no say is no reason to store anything of the thread.
        written = Written(thread_from(channel), told) if has_say else None
        decision: Decision | None = await self._presses.tell(channel.id, event, written)
        if decision is None:
            return texts.not_a_thread() if has_say else texts.refused("not yours")
        return texts.refused(decision.refusal) if decision.refusal else done()

    def _is_ours(self, channel: object) -> TypeGuard[discord.Thread]:
        is_bound = self._bindings.find(forum_of(channel)) is not None
        return isinstance(channel, discord.Thread) and is_bound

    def _has_say_in(self, thread: discord.Thread, by: Actor) -> bool:
        return by.is_staff or by.id == thread.owner_id

    async def _marked(
        self, channel: object, message: discord.Message, by: Actor
    ) -> list[discord.Message]:
        """What is marked and what opened its thread: both may be older than the forum's binding."""
        if not self._is_ours(channel) or not self._has_say_in(channel, by):
            return []
        if message.id == channel.id or await self._presses.is_stored(channel.id):
            return [message]
        return [message, *await _opening_of(channel)]

    # Votes

    async def _vote(self, interaction: Interaction, found: re.Match[str]) -> tuple[str, Any] | str:
        guild_id, vote, answer_id = interaction.guild_id or 0, found[1], _id(found[2])
        if not self._bindings.server(guild_id).has_feedback:
            return texts.feedback_off()
        known = await self._presses.vote(
            answer_id, guild_id, interaction.channel_id or 0, interaction.user.id, vote
        )
        if not known:
            return texts.vote_unknown()
        asks_why = vote == "not_right"
        return (texts.voted(vote), reason_view(answer_id)) if asks_why else texts.voted(vote)

    async def _give_reason(self, interaction: Interaction, found: re.Match[str]) -> str:
        guild_id, reason, answer_id = interaction.guild_id or 0, found[1], _id(found[2])
        person_id = interaction.user.id
        if reason == "none":
            known = await self._presses.take_back(
                answer_id, guild_id, interaction.channel_id or 0, person_id
            )
            return texts.taken_back() if known else texts.no_vote()
        kept = await self._presses.give_reason(answer_id, guild_id, person_id, reason)
        return texts.reason_noted() if kept else texts.no_vote()

    async def _ask_why(self, interaction: Interaction, found: re.Match[str]) -> None:
        field = discord.ui.TextInput[discord.ui.Modal](
            style=discord.TextStyle.paragraph, max_length=LONGEST_NOTE, custom_id="why"
        )
        await _show_form(
            interaction,
            texts.what_is_wrong(),
            f"docbot:why:{_id(found[2])}",
            [(texts.in_your_words(), field)],
        )

    async def _say_why(self, interaction: Interaction, found: re.Match[str]) -> str:
        note = "".join(_filled_in(interaction)).strip()
        if len(note) > LONGEST_NOTE:
            return texts.reason_too_long(LONGEST_NOTE)
        kept = await self._presses.give_reason(
            _id(found[1]), interaction.guild_id or 0, interaction.user.id, "other", note
        )
        return texts.reason_noted() if kept else texts.no_vote()

    # Drafts

    async def _decide_draft(self, interaction: Interaction, found: re.Match[str]) -> str:
        seen = _seen_draft(interaction, found)
        by = await self._reviewer(interaction, seen)
        is_sent = found[1] == "send"
        decide = self._presses.send_draft if is_sent else self._presses.discard_draft
        refusal = await decide(seen, by)
        if refusal is not None:
            return texts.refused(refusal)
        return texts.draft_sent() if is_sent else texts.draft_discarded()

    async def _ask_for_text(self, interaction: Interaction, found: re.Match[str]) -> None:
        seen = _seen_draft(interaction, found)
        # A form cannot follow an acknowledgement: it is one.
        draft, refusal = await in_time(self._draft_to_edit(interaction, seen))
        if draft is None:
            await say(interaction, refusal)
            return
        custom_id = f"docbot:edited:{seen.answer_id}:{seen.revision}"
        await _show_text(interaction, texts.edit_the_draft(), custom_id, draft.text)

    async def _draft_to_edit(
        self, interaction: Interaction, seen: SeenDraft
    ) -> tuple[StoredDraft | None, str]:
        by = await self._reviewer(interaction, seen)
        if not by.is_staff:
            return None, texts.refused("staff only")
        draft = await self._presses.draft(seen.answer_id, seen.guild_id)
        refusal = why_not_draft(draft, seen) if draft else "no draft"
        return (None, texts.refused(refusal)) if refusal else (draft, "")

    async def _edit_draft(self, interaction: Interaction, found: re.Match[str]) -> str:
        text = "".join(_filled_in(interaction)).strip()
        if not text:
            return texts.draft_empty()
        seen = _seen_draft(interaction, found)
        by = await self._reviewer(interaction, seen)
        refusal = await self._presses.edit_draft(seen, text, by)
        return texts.refused(refusal) if refusal else texts.draft_changed()

    # What is learned

    async def _decide_solution(self, interaction: Interaction, found: re.Match[str]) -> str:
        seen = _seen_solution(interaction, found)
        by = await self._reviewer_of_solution(interaction, seen)
        is_accepted = found[1] == "accept"
        decide = self._presses.accept_solution if is_accepted else self._presses.discard_solution
        refusal = await decide(seen, by)
        if refusal is not None:
            return texts.refused(refusal)
        return texts.solution_learned() if is_accepted else texts.solution_discarded()

    async def _ask_for_solution(self, interaction: Interaction, found: re.Match[str]) -> None:
        seen = _seen_solution(interaction, found)
        text, refusal = await in_time(self._solution_to_edit(interaction, seen))
        if refusal is not None:
            await say(interaction, texts.refused(refusal))
            return
        custom_id = f"docbot:learned:{seen.thread_id}:{seen.revision}"
        await _show_text(interaction, texts.edit_the_solution(), custom_id, text)

    async def _solution_to_edit(
        self, interaction: Interaction, seen: SeenSolution
    ) -> tuple[str, Refusal | None]:
        by = await self._reviewer_of_solution(interaction, seen)
        if not by.is_staff:
            return "", "staff only"
        solution = await self._presses.solution(seen.guild_id, seen.thread_id)
        return solution.text if solution else "", why_not(solution, seen)

    async def _edit_solution(self, interaction: Interaction, found: re.Match[str]) -> str:
        seen, text = _seen_solution(interaction, found), "".join(_filled_in(interaction))
        by = await self._reviewer_of_solution(interaction, seen)
        refusal = await self._presses.edit_solution(seen, text, by)
        return texts.refused(refusal) if refusal else texts.solution_learned_as_edited()

    # What is stored of who asks

    async def show_held(self, interaction: Interaction) -> tuple[str, Any] | str:
        """What is stored of whoever asks, with the choice to have it erased."""
        held = await self._forgetting.held(interaction.guild_id or 0, interaction.user.id)
        if held.is_nothing:
            return texts.nothing_held()
        return offer_to_forget(held), forget_view()

    async def _forget(self, interaction: Interaction, found: re.Match[str]) -> str:
        if found[1] == "keep":
            return texts.nothing_erased()
        await self._forgetting.forget(
            interaction.guild_id or 0, interaction.user.id, interaction.id
        )
        return texts.all_erased()

    # Who

    def _actor(self, interaction: Interaction) -> Actor:
        return actor_of(interaction, forum_of(interaction.channel), self._bindings)

    async def _reviewer(self, interaction: Interaction, seen: SeenDraft) -> Actor:
        """Who presses below a draft, with the say that they have in the forum it is for."""
        forum_id = await self._presses.forum_of_draft(seen.answer_id, seen.guild_id)
        return actor_of(interaction, forum_id, self._bindings)

    async def _reviewer_of_solution(self, interaction: Interaction, seen: SeenSolution) -> Actor:
        solution = await self._presses.solution(seen.guild_id, seen.thread_id)
        forum_id = solution.forum_id if solution else None
        return actor_of(interaction, forum_id, self._bindings)


async def _answer(interaction: Interaction, work: Awaitable[tuple[str, Any] | str]) -> None:
    # What was pressed counts also where Discord does not take the acknowledgement.
    shown, said = await asyncio.gather(acknowledge(interaction), work, return_exceptions=True)
    if isinstance(said, BaseException):
        raise said
    if isinstance(shown, BaseException):
        raise shown
    content, view = said if isinstance(said, tuple) else (said, None)
    await say(interaction, content, view)


async def _show_text(interaction: Interaction, title: str, custom_id: str, text: str) -> None:
    """Open a text in a form, in as many fields as it needs."""
    pieces = _pieces(text)
    if len(pieces) > _FIELDS:
        await say(interaction, texts.too_long_for_form())
        return
    fields = [
        (
            texts.draft_text(number, len(pieces)),
            discord.ui.TextInput[discord.ui.Modal](
                style=discord.TextStyle.paragraph,
                default=piece,
                required=number == 1,
                max_length=_FIELD_CHARACTERS,
                custom_id=f"text{number}",
            ),
        )
        for number, piece in enumerate(pieces, start=1)
    ]
    await _show_form(interaction, title, custom_id, fields)


async def _opening_of(thread: discord.Thread) -> list[discord.Message]:
    """The message that opened a thread; none where it was deleted, or docbot may not read it."""
    try:
        with faults.translated(), faults.understood():
            return [await thread.fetch_message(thread.id)]
    except (GoneError, RefusedError):
        return []


async def _show_form(
    interaction: Interaction,
    title: str,
    custom_id: str,
    fields: list[tuple[str, discord.ui.TextInput[discord.ui.Modal]]],
) -> None:
    modal = discord.ui.Modal(title=title[:_TITLE_CHARACTERS], custom_id=custom_id, timeout=None)
    for label, field in fields:
        modal.add_item(discord.ui.Label(text=label[:_TITLE_CHARACTERS], component=field))
    # Not kept in memory: what is sent in is told by its id, also after a restart.
    modal.stop()
    with faults.translated():
        await interaction.response.send_modal(modal)


def _data_of(interaction: Interaction) -> Mapping[str, Any]:
    return dict(interaction.data or {})


def _filled_in(interaction: Interaction) -> list[str]:
    """What stands in the fields of a form, in their order."""
    found: list[str] = []
    parts: list[dict[str, Any]] = list(_data_of(interaction).get("components", []))
    while parts:
        part = parts.pop(0)
        if isinstance(part.get("value"), str):
            found.append(part["value"])
        inner = part.get("component")
        parts = [*part.get("components", []), *([inner] if inner else []), *parts]
    return found


def _pieces(text: str) -> list[str]:
    """Cut a text for the fields of a form, at the ends of lines; joined they are the text."""
    pieces: list[str] = []
    while text:
        end = len(text)
        if end > _FIELD_CHARACTERS:
            newline = text.rfind("\n", 0, _FIELD_CHARACTERS)
            end = newline + 1 if newline > 0 else _FIELD_CHARACTERS
        pieces.append(text[:end])
        text = text[end:]
    return pieces


def _seen_solution(interaction: Interaction, found: re.Match[str]) -> SeenSolution:
    return SeenSolution(interaction.guild_id or 0, _id(found[2]), int(found[3]))


def _seen_draft(interaction: Interaction, found: re.Match[str]) -> SeenDraft:
    return SeenDraft(interaction.guild_id or 0, _id(found[2]), int(found[3]))


def _id(digits: str) -> int:
    """An id as Postgres can hold it; of a forged one that it cannot, one that names nothing."""
    number = int(digits)
    return number if number <= _HIGHEST_ID else 0
