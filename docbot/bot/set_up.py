"""What the settings of a forum name in its server: whether it is still there, and of use to docbot.

Pure: the watch judges by what the gateway tells, `docbot doctor` by what REST tells.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docbot.config import NO_TAG, is_tag
from docbot.db.forums import Forum

# What docbot needs in the channel of the staff, as Discord's pages name it.
STAFF_NEEDED = {
    "view_channel": "View Channels",
    "send_messages": "Send Messages",
    "attach_files": "Attach Files",
}
_FOR_LONG_DRAFTS = ("attach_files",)


@dataclass(frozen=True, slots=True)
class RoleFound:
    name: str
    may_ping: bool  # everyone may, or docbot may ping all roles


@dataclass(frozen=True, slots=True)
class ChannelFound:
    name: str
    missing: tuple[str, ...]  # rights, by their keys in STAFF_NEEDED


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of what a forum's settings name; None: nothing of that id."""

    role: RoleFound | None
    staff: ChannelFound | None
    tags: Mapping[int, str] | None  # of the forum; None: a text channel, with no threads to solve


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is set and of no use: what is so then, and what to do."""

    says: str
    advice: str


def losses(forum: Forum, found: Found) -> Iterator[Loss]:
    """Name what is set for a forum and was deleted, renamed or closed to docbot since."""
    role_id, channel_id = forum.config.helper_role, forum.config.staff_channel
    if role_id is not None:
        yield from _of_role(forum, role_id, found)
    if channel_id is not None:
        yield from _of_staff_channel(forum, channel_id, found.staff)
    tag, tags = forum.config.solved_tag, found.tags
    if tag is None or tag == NO_TAG or tags is None:
        return
    if not any(is_tag(tag, tag_id, name) for tag_id, name in tags.items()):
        yield Loss(
            f'it has no tag "{tag}", so solved threads get none', _set("solved-tag NAME", forum)
        )


def _of_role(forum: Forum, role_id: int, found: Found) -> Iterator[Loss]:
    role = found.role
    if role is None:
        yield Loss(
            f"its helper role {role_id} does not exist any more, so nobody is pinged",
            _set("helper-role ID", forum),
        )
    elif not role.may_ping and found.tags is not None:  # a human is asked for in threads alone
        yield Loss(
            f'docbot may not ping its helper role "{role.name}" ({role_id}), so who asks for a '
            "human reaches only who reads the thread or the staff channel",
            f"Server Settings > Roles > {role.name} > allow anyone to @mention this role",
        )


def _of_staff_channel(
    forum: Forum, channel_id: int, channel: ChannelFound | None
) -> Iterator[Loss]:
    if channel is None:
        yield Loss(
            f"its staff channel {channel_id} was deleted, or is none of this server's text channels, "
            "so staff gets no drafts",
            _set("staff-channel ID", forum),
        )
    elif channel.missing:
        names = ", ".join(STAFF_NEEDED[right] for right in channel.missing)
        waits = (
            "long drafts wait" if channel.missing == _FOR_LONG_DRAFTS else "what staff gets waits"
        )
        yield Loss(
            f"docbot lacks {names} in its staff channel #{channel.name} ({channel_id}), so {waits}",
            "give it to docbot's role in that channel: Edit Channel > Permissions. What waits is "
            "sent then",
        )


def _set(what: str, forum: Forum) -> str:
    return f"docbot config set {what} --forum {forum.channel_id}"
