"""The buttons that docbot's messages carry.

They live as long as their message: all they need is in their id and in Postgres, so they work after
a restart, and what stands in an id is never believed without a look there.
"""

from collections.abc import Sequence
from typing import Any

import discord

from docbot import texts
from docbot.db.answers import Board

# What the ids of an answer's buttons begin with; each ends with the outbox row of its message.
ANSWER_BUTTONS = ("docbot:vote:", "docbot:solve:")

_GREEN, _GREY = discord.ButtonStyle.success, discord.ButtonStyle.secondary
_RED, _BLUE = discord.ButtonStyle.danger, discord.ButtonStyle.primary


def answer_view(
    answer_id: int, row_id: int, board: Board, *, has_feedback: bool
) -> discord.ui.View:
    """The buttons of a thread's first answer, which show how the thread stands."""
    end = f"{answer_id}:{row_id}"
    buttons = [_solved(end, is_solved=board.is_solved)]
    if has_feedback:
        helpful = texts.counted_votes(texts.helpful(), board.helpful)
        not_right = texts.counted_votes(texts.not_right(), board.not_right)
        buttons += [
            _button(helpful, f"docbot:vote:helpful:{end}", _GREY),
            _button(not_right, f"docbot:vote:not_right:{end}", _GREY),
        ]
    return _view([*buttons, _human(end, was_asked=board.was_escalated)])


def plain_view(buttons: Sequence[Any], row_id: int) -> discord.ui.View:
    """The buttons of another message, as the outbox names them.

    `remind`, `human`, `draft` ANSWER REVISION, `learn` THREAD REVISION.
    """
    match buttons:
        case ["remind"]:
            end = f"0:{row_id}"
            return _view([_solved(end, is_solved=False), _human(end, was_asked=False)])
        case ["human"]:
            return _view([_human(f"0:{row_id}", was_asked=False)])
        case ["draft", answer_id, revision]:
            end = f"{answer_id}:{revision}:{row_id}"
            return _view(
                [
                    _button(texts.send(), f"docbot:draft:send:{end}", _GREEN),
                    _button(texts.edit(), f"docbot:draft:edit:{end}", _BLUE),
                    _button(texts.discard(), f"docbot:draft:discard:{end}", _RED),
                ]
            )
        case ["learn", thread_id, revision]:
            end = f"{thread_id}:{revision}:{row_id}"
            return _view(
                [
                    _button(texts.learn(), f"docbot:learn:accept:{end}", _GREEN),
                    _button(texts.edit(), f"docbot:learn:edit:{end}", _BLUE),
                    _button(texts.discard(), f"docbot:learn:discard:{end}", _RED),
                ]
            )
    raise ValueError(f"no buttons are called {buttons}")


def reason_view(answer_id: int) -> discord.ui.View:
    """Why an answer is not right; shown to one person alone."""
    reasons = {
        "outdated": texts.outdated(),
        "inaccurate": texts.inaccurate(),
        "unanswered": texts.does_not_answer(),
        "other": texts.other_reason(),
    }
    buttons = [
        _button(label, f"docbot:reason:{reason}:{answer_id}", _GREY)
        for reason, label in reasons.items()
    ]
    return _view([*buttons, _button(texts.take_back(), f"docbot:reason:none:{answer_id}", _RED)])


def forget_view() -> discord.ui.View:
    """Whether to erase what is stored of a person; shown to them alone."""
    return _view(
        [
            _button(texts.erase(), "docbot:forget:erase", _RED),
            _button(texts.keep(), "docbot:forget:keep", _GREY),
        ]
    )


def _solved(end: str, *, is_solved: bool) -> discord.ui.Button[discord.ui.View]:
    label = texts.is_solved() if is_solved else texts.solved()
    return _button(label, f"docbot:solve:{end}", _GREEN if is_solved else _GREY)


def _human(end: str, *, was_asked: bool) -> discord.ui.Button[discord.ui.View]:
    label = texts.human_asked() if was_asked else texts.ask_a_human()
    return _button(label, f"docbot:human:{end}", _GREY, disabled=was_asked)


def _button(
    label: str, custom_id: str, style: discord.ButtonStyle, *, disabled: bool = False
) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=label, custom_id=custom_id, style=style, disabled=disabled)


def _view(buttons: Sequence[discord.ui.Button[discord.ui.View]]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    # Not kept in memory for as long as the message lives: what is pressed is told by its id.
    view.stop()
    return view
