"""Asking a human."""

import pytest

from docbot import texts
from tests.scenes.script import Scene, scene
from tests.town import OFF_TOPIC

pytestmark = pytest.mark.check

HELPERS = {"helper-role": "@Helpers"}


@scene(
    "The helpers are pinged once, with what it is about; who asks again is told that it was done.",
    ends=["answered"],
    says=2,
    pings=1,
    given=HELPERS,
)
async def test_a_human_is_asked_for_once(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.cleo.presses("Ask a human")).content == texts.refused("not yours")
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    call = await s.docbot_says("help is needed")
    assert call.mention_roles == [s.playground.town.helpers.id]
    assert len([line for line in call.content.splitlines() if line.startswith("> ")]) == 2
    await s.answer_shows(texts.human_asked())
    assert (await s.mina.runs("escalate")).content == texts.refused("asked already")


@scene(
    "Five pings within the hour; the sixth is a line for staff, and an hour later it is a ping again.",
    ends=["abstained"] * 7,
    says=6,
    to_staff=1,
    pings=6,
    given=HELPERS | {"staff-channel": "#staff"},
)
async def test_a_sixth_human_within_the_hour(s: Scene) -> None:
    for _ in range(5):
        await s.ada.posts(OFF_TOPIC)
        assert (await s.ada.runs("escalate")).content == texts.human_called()
        await s.docbot_says("help is needed")
    await s.ben.posts(OFF_TOPIC)
    assert (await s.ben.runs("escalate")).content == texts.human_called()
    line = await s.staff_gets(f"<@{s.ben.id}> asks for a human in <#{s.thread.id}>")
    assert line.mention_roles == []
    await s.time_passes(hours=1)
    await s.cleo.posts(OFF_TOPIC)
    await s.cleo.runs("escalate")
    await s.docbot_says("help is needed")


@scene("Ada is told that nobody is set up to be asked.", ends=["answered"], says=1)
async def test_nobody_to_ask(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Ask a human")).content == texts.refused("nobody to ask")


@scene(
    "Nobody can be pinged; docbot asks whoever reads it, and the operator reads that the role is gone.",
    ends=["answered"],
    says=2,
    given=HELPERS,
)
async def test_the_helper_role_is_deleted(s: Scene) -> None:
    s.playground.world.delete_role(s.playground.town.helpers)
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    call = await s.docbot_says()
    assert texts.human_wanted_here() in call.content
    await s.operator_reads("docbot config set helper-role")
