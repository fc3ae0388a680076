"""What the chaos benchmark asks, what its model answers, and what members must then see.

The verdict is made from the messages on Discord alone. Each question has a number, and each line of
the model's reply says which question it answers and which line it is, so that a message that is
lost, doubled, out of order or in the wrong thread shows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from docbot import texts

Wrong = Literal["lost", "doubled", "out of order", "misplaced"]

_LINES = (3, 26, 50)  # of a reply of one, two and three messages
_ASKED = re.compile(r"case-(\d+)")
_ANSWERED = re.compile(r"case-(\d+) step (\d+) of (\d+)")
_LISTED = 10  # lines of one listing
_FILLING = "set the option, start the service again and look at what its log says."


@dataclass(frozen=True, slots=True)
class Case:
    """One question; `message_id` is the thread's own id where it opened the thread."""

    number: int
    thread_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the bot's, as members see it."""

    id: int
    content: str
    replies_to: int | None
    has_buttons: bool


@dataclass(frozen=True, slots=True)
class Finding:
    wrong: Wrong
    case: int
    thread_id: int
    detail: str


@dataclass(slots=True)
class _Reply:
    """One answer: the message with the buttons, and those that follow it."""

    case: Case
    said: list[Said] = field(default_factory=list)


def ask(number: int, body: str) -> str:
    """The question's text with its number."""
    return f"{body}\n\n`case-{number}`"


def model_reply(prompt: str) -> str:
    """What the model says to the question that stands in its prompt last."""
    number = int(_ASKED.findall(prompt)[-1])
    count = _LINES[number % len(_LINES)]
    lines = [f"# case-{number} step {n} of {count}: {_FILLING}" for n in range(1, count + 1)]
    # As listings: a sentence is held against the passages, and these are of no documentation.
    # Short ones: a long one is sent as a file.
    listings = ["\n".join(lines[at : at + _LISTED]) for at in range(0, count, _LISTED)]
    return "\n\n".join(["Do it like this [1]:", *(f"```text\n{each}\n```" for each in listings)])


def answered(thread: Sequence[Said], cases: Sequence[Case]) -> set[int]:
    """The numbers of a thread's questions whose answer is there in full."""
    return {reply.case.number for reply in _replies(thread, cases)[0] if _verdict(reply)[0] is None}


def judge(thread: Sequence[Said], cases: Sequence[Case]) -> list[Finding]:
    """Say what is wrong in one thread.

    Args:
        thread: every message of the bot's in it, in the order in which members see them.
        cases: every question asked in it, in the order asked.
    """
    replies, findings = _replies(thread, cases)
    for reply in replies:
        wrong, detail = _verdict(reply)
        if wrong is not None:
            findings.append(Finding(wrong, reply.case.number, reply.case.thread_id, detail))
    count = Counter(reply.case.number for reply in replies)
    for case in cases:
        if count[case.number] != 1:
            wrong = "lost" if not count[case.number] else "doubled"
            detail = f"{count[case.number]} answers"
            findings.append(Finding(wrong, case.number, case.thread_id, detail))
    order = list(dict.fromkeys(reply.case.number for reply in replies))
    if order != sorted(order, key=[case.number for case in cases].index):
        detail = f"answered in the order {order}"
        findings.append(Finding("out of order", order[0], cases[0].thread_id, detail))
    return findings


def _replies(thread: Sequence[Said], cases: Sequence[Case]) -> tuple[list[_Reply], list[Finding]]:
    """Put together what belongs together; what belongs nowhere is a finding."""
    by_message = {case.message_id: case for case in cases}
    replies: list[_Reply] = []
    findings: list[Finding] = []
    told_to_wait: set[int | None] = set()
    for said in thread:
        if said.content == texts.later():  # no answer, and may stand before one
            if said.replies_to in told_to_wait:
                detail = "told twice to wait"
                findings.append(Finding("doubled", 0, cases[0].thread_id, detail))
            told_to_wait.add(said.replies_to)
        elif said.has_buttons or said.replies_to is not None:
            # The answer to a forum post stands right below it and names no message; that to a call
            # names it, and has no buttons where an earlier answer has them.
            case = by_message.get(said.replies_to or cases[0].thread_id)
            if case is None:
                detail = f"answers message {said.replies_to}, which asked nothing here"
                findings.append(Finding("misplaced", 0, cases[0].thread_id, detail))
            else:
                replies.append(_Reply(case, [said]))
        elif replies:
            replies[-1].said.append(said)
        else:
            detail = f"a part before its beginning: {said.content[:80]!r}"
            findings.append(Finding("out of order", 0, cases[0].thread_id, detail))
    return replies, findings


def _verdict(reply: _Reply) -> tuple[Wrong | None, str]:
    contents = [said.content for said in reply.said]
    if len(set(contents)) < len(contents):
        return "doubled", "the same message twice"
    steps = [tuple(map(int, found)) for found in _ANSWERED.findall("\n".join(contents))]
    if not steps:  # passages quoted, or pages suggested: the model was out of reach
        return None, ""
    if {case for case, _, _ in steps} != {reply.case.number}:
        return "misplaced", f"speaks of {sorted({case for case, _, _ in steps})}"
    seen = [step for _, step, _ in steps]
    wanted = list(range(1, steps[0][2] + 1))
    if seen == wanted:
        return None, ""
    if sorted(seen) == wanted:
        return "out of order", f"its lines are {seen}"
    return ("doubled" if len(set(seen)) < len(seen) else "lost"), f"its lines are {seen}"
