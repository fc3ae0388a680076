from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.config import Override, ServerConfig, Window
from docbot.db.usage import Past, UseKind
from docbot.forum.limits import (
    Allowed,
    Caller,
    Reason,
    Refused,
    Terms,
    judge_call,
    longest_hours,
    terms_for,
)

PERSON, ROLE, OTHER_ROLE = 300, 70, 71
HERE, ELSEWHERE = 1, 2
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEMBER = Caller(PERSON, (), is_staff=False)
STAFF = replace(MEMBER, is_staff=True)
WITH_ROLES = replace(MEMBER, role_ids=(ROLE, OTHER_ROLE))
NOTHING_YET = Past(NOW, None, None, None)


def person(window: Window | None = None, *, first: bool = False, ignored: bool = False) -> Override:
    return Override(PERSON, "person", window, first, ignored)


def role(
    window: Window | None = None,
    *,
    first: bool = False,
    ignored: bool = False,
    target: int = ROLE,
) -> Override:
    return Override(target, "role", window, first, ignored)


def config(*overrides: Override) -> ServerConfig:
    return ServerConfig(overrides=overrides)


def terms(
    caller: Caller, config: ServerConfig, kind: UseKind = "call", *, are_limits_on: bool = True
) -> Terms:
    found = terms_for(caller, kind, config, are_limits_on=are_limits_on)
    assert isinstance(found, Terms)
    return found


def test_who_has_no_entry_has_the_windows_of_the_server() -> None:
    of_server = ServerConfig(server_limit=Window(100, 24))
    assert terms(MEMBER, of_server) == Terms(Window(10, 6), Window(100, 24), True, False)
    # Posts have a window of their own, and do not count with the calls of the server.
    assert terms(MEMBER, of_server, "post") == Terms(Window(30, 6), None, False, False)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([role(Window(50, 6))], Window(50, 6)),
        ([role(Window(2, 6))], Window(2, 6)),  # a role may also have less than all others
        ([role(Window(2, 6)), role(Window(5, 6), target=OTHER_ROLE)], Window(5, 6)),
        ([role(Window(50, 24)), role(Window(20, 6), target=OTHER_ROLE)], Window(20, 6)),
        ([role(Window(40, 24)), role(Window(10, 6), target=OTHER_ROLE)], Window(40, 24)),
        ([role(Window(50, 6)), person(Window(3, 6))], Window(3, 6)),
        ([role(Window(50, 6)), person(first=True)], Window(50, 6)),  # says nothing of a window
        ([role(Window(50, 6), target=72)], Window(10, 6)),
        ([replace(person(Window(50, 6)), target_id=301)], Window(10, 6)),
    ],
)
def test_the_own_entry_is_before_the_best_of_the_roles_and_that_before_the_default(
    overrides: list[Override], expected: Window
) -> None:
    assert terms(WITH_ROLES, config(*overrides)).own == expected


def test_entries_change_nothing_for_posts() -> None:
    of_server = config(person(Window(1, 6)), role(Window(2, 6)))
    assert terms(WITH_ROLES, of_server, "post").own == Window(30, 6)


def test_without_a_default_an_entry_still_limits() -> None:
    of_server = replace(config(role(Window(2, 6))), call_limit=None)
    assert terms(WITH_ROLES, of_server).own == Window(2, 6)
    assert terms(MEMBER, of_server).own is None


def test_a_person_and_a_role_of_one_id_are_not_mistaken_for_each_other() -> None:
    of_server = config(replace(role(ignored=True), target_id=PERSON))
    assert terms(MEMBER, of_server).own == Window(10, 6)


@pytest.mark.parametrize("kind", ["call", "post"])
def test_who_is_banned_is_refused_staff_too_and_without_limits_too(kind: UseKind) -> None:
    of_server = ServerConfig(banned=frozenset({PERSON}))
    for caller in (MEMBER, STAFF):
        for are_limits_on in (True, False):
            found = terms_for(caller, kind, of_server, are_limits_on=are_limits_on)
            assert found == Refused("banned")


@pytest.mark.parametrize("kind", ["call", "post"])
@pytest.mark.parametrize("override", [person(ignored=True), role(ignored=True)])
def test_who_is_ignored_is_refused_without_limits_too_but_staff_never(
    kind: UseKind, override: Override
) -> None:
    for are_limits_on in (True, False):
        found = terms_for(WITH_ROLES, kind, config(override), are_limits_on=are_limits_on)
        assert found == Refused("ignored")
    assert terms(replace(WITH_ROLES, is_staff=True), config(override), kind).own is None


def test_the_own_entry_lets_one_of_an_ignored_role_be_heard() -> None:
    of_server = config(role(ignored=True), person(Window(3, 6)))
    assert terms(WITH_ROLES, of_server).own == Window(3, 6)


def test_staff_have_no_window_but_one_question_at_a_time() -> None:
    of_server = ServerConfig(server_limit=Window(1, 1))
    assert terms(STAFF, of_server) == Terms(None, None, True, False)
    assert terms(STAFF, of_server, "post") == Terms(None, None, False, False)


def test_without_limits_nobody_has_a_window_nor_waits() -> None:
    of_server = replace(config(person(Window(1, 6), first=True)), server_limit=Window(1, 1))
    for kind in ("call", "post"):
        found = terms(MEMBER, of_server, kind, are_limits_on=False)
        assert found == Terms(None, None, False, True)


@pytest.mark.parametrize("override", [person(first=True), role(first=True)])
def test_an_entry_or_a_role_gives_priority(override: Override) -> None:
    assert terms(WITH_ROLES, config(override)).has_priority
    assert terms(WITH_ROLES, config(override, person()), "post").has_priority
    assert not terms(WITH_ROLES, config()).has_priority


def test_what_no_window_counts_is_not_written_down() -> None:
    counted = judge_call(terms(MEMBER, ServerConfig()), NOTHING_YET, HERE)
    assert counted == Allowed(has_priority=False, is_counted=True)
    for caller, of_server in ((STAFF, ServerConfig()), (MEMBER, ServerConfig(call_limit=None))):
        allowed = judge_call(terms(caller, of_server), NOTHING_YET, HERE)
        assert allowed == Allowed(has_priority=False, is_counted=False)


@pytest.mark.parametrize(
    ("kind", "running_in", "asked_in", "is_refused"),
    [
        ("call", None, HERE, False),
        ("call", HERE, HERE, False),  # a follow-up waits its turn
        ("call", ELSEWHERE, HERE, True),
        ("call", ELSEWHERE, None, True),
        ("call", None, None, False),
        ("post", ELSEWHERE, HERE, False),
    ],
)
def test_a_call_elsewhere_is_refused_while_the_last_question_runs(
    kind: UseKind, running_in: int | None, asked_in: int | None, is_refused: bool
) -> None:
    for caller in (MEMBER, STAFF):
        found = judge_call(
            terms(caller, ServerConfig(), kind),
            replace(NOTHING_YET, running_in=running_in),
            asked_in,
        )
        assert (found == Refused("still on the last one")) is is_refused


def test_who_is_over_a_limit_is_told_that_and_not_to_wait_for_the_last_question() -> None:
    past = Past(NOW, NOW - timedelta(hours=1), None, ELSEWHERE)
    found = judge_call(terms(MEMBER, ServerConfig()), past, HERE)
    assert found == Refused("over the person's limit", NOW + timedelta(hours=5))


@pytest.mark.parametrize(
    ("own_hours", "server_hours", "reason"),
    [(5, 3, "over the person's limit"), (3, 5, "over the server's limit")],
)
def test_of_two_full_windows_the_one_that_is_full_longer_is_named(
    own_hours: int, server_hours: int, reason: Reason
) -> None:
    past = Past(
        NOW, NOW - timedelta(hours=6 - own_hours), NOW - timedelta(hours=6 - server_hours), None
    )
    of_server = ServerConfig(server_limit=Window(100, 6))
    found = judge_call(terms(MEMBER, of_server), past, HERE)
    assert found == Refused(reason, NOW + timedelta(hours=5))


def test_the_longest_window_of_all_is_what_uses_are_kept_for() -> None:
    assert longest_hours(ServerConfig()) == 6
    assert longest_hours(ServerConfig(server_limit=Window(100, 24))) == 24
    assert longest_hours(config(person(first=True), role(Window(1, 48)))) == 48
    assert longest_hours(ServerConfig(call_limit=None, post_limit=None)) == 0


# The simple model: every use that there was, and how many of them count at a moment.
WINDOWS = st.builds(Window, st.integers(1, 4), st.sampled_from([0.5, 1.0, 2.5]))
MOMENTS = st.integers(0, 20).map(lambda quarters: NOW + timedelta(minutes=15 * quarters))


def counting(uses: Sequence[datetime], window: Window, moment: datetime) -> int:
    return sum(use <= moment < use + timedelta(hours=window.hours) for use in uses)


def has_place(uses: Sequence[datetime], window: Window | None, moment: datetime) -> bool:
    return window is None or counting(uses, window, moment) < window.count


def nth_newest(uses: Sequence[datetime], window: Window | None) -> datetime | None:
    if window is None or len(uses) < window.count:
        return None
    return sorted(uses, reverse=True)[window.count - 1]


def judged(
    own: Sequence[datetime], server: Sequence[datetime], limits: Terms, moment: datetime
) -> Allowed | Refused:
    past = Past(moment, nth_newest(own, limits.own), nth_newest(server, limits.server), None)
    return judge_call(limits, past, HERE)


@given(
    own_window=st.none() | WINDOWS,
    server_window=st.none() | WINDOWS,
    calls=st.lists(st.tuples(MOMENTS, st.booleans()), max_size=30),
)
def test_no_more_than_its_count_are_ever_in_a_window_and_none_is_refused_without_need(
    own_window: Window | None,
    server_window: Window | None,
    calls: list[tuple[datetime, bool]],
) -> None:
    limits = Terms(own_window, server_window, is_one_at_a_time=True, has_priority=False)
    own: list[datetime] = []
    server: list[datetime] = []
    for moment, is_another in sorted(calls):
        if is_another:  # of the server's members, who has an own window too
            other = judged([], server, replace(limits, own=None), moment)
            server += [moment] * isinstance(other, Allowed)
            continue
        is_free = has_place(own, own_window, moment) and has_place(server, server_window, moment)
        found = judged(own, server, limits, moment)
        assert isinstance(found, Allowed) is is_free
        if is_free:
            own.append(moment)
            server.append(moment)
    for uses, window in ((own, own_window), (server, server_window)):
        # More count at no moment than at one of a use.
        assert window is None or all(counting(uses, window, use) <= window.count for use in uses)


@given(
    limits=st.builds(
        Terms, st.none() | WINDOWS, st.none() | WINDOWS, st.just(True), st.just(False)
    ),
    own=st.lists(MOMENTS, max_size=8),
    server=st.lists(MOMENTS, max_size=8),
)
def test_the_next_free_moment_is_the_first_at_which_a_call_is_allowed(
    limits: Terms, own: list[datetime], server: list[datetime]
) -> None:
    """Also where a limit was lowered, so that more uses count than it has places."""
    now = max([NOW, *own, *server])
    found = judged(own, server, limits, now)
    if isinstance(found, Allowed):
        assert has_place(own, limits.own, now)
        assert has_place(server, limits.server, now)
        return
    free_at = found.next_free_at
    assert free_at is not None
    assert isinstance(judged(own, server, limits, free_at), Allowed)
    for moment in (now, free_at - timedelta(microseconds=1)):
        assert isinstance(judged(own, server, limits, moment), Refused)
        assert not (has_place(own, limits.own, moment) and has_place(server, limits.server, moment))
