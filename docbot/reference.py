"""Writes the tables in `docs/` that are made from the code, so that both say the same.

python -m docbot.reference docs/settings.md docs/commands.md
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from pydantic.fields import FieldInfo

from docbot import cli
from docbot.bot.commands import every_command
from docbot.bot.described import described
from docbot.config import ENTRIES
from docbot.settings import Settings

PLACE = re.compile(
    r"(?P<begin><!-- (?P<name>[\w-]+) from the code: make docs -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
# The default of the data folder differs by machine.
_SHOWN_DEFAULTS = {"docbot_data_dir": "the platform's data folder"}


def with_tables(page: str) -> str:
    """Return the page with each of its tables as the code has it.

    Raises:
        ValueError: the page has no place for a table, or one for a table that there is not.
    """
    if not PLACE.search(page):
        raise ValueError("the page has no place for a table")
    return PLACE.sub(_filled, page)


def _filled(place: re.Match[str]) -> str:
    table = TABLES.get(place["name"])
    if table is None:
        raise ValueError(f"no table is called `{place['name']}`; there are: {', '.join(TABLES)}")
    head, *rows = [f"| {' | '.join(cells)} |\n" for cells in table()]
    rule = "|" + "---|" * (head.count("|") - 1) + "\n"
    return "".join([place["begin"], head, rule, *rows, place["end"]])


def _environment() -> Iterator[list[str]]:
    yield ["setting", "default", "what it does", "a change needs"]
    for name, field in Settings.model_fields.items():
        yield [f"`{name.upper()}`", _default(name, field), field.description or "", _needs(field)]


def _needs(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    is_taken_in = isinstance(extra, dict) and extra.get("reload")
    return "`/reload-config`" if is_taken_in else "a restart"


def _default(name: str, field: FieldInfo) -> str:
    if name in _SHOWN_DEFAULTS:
        return _SHOWN_DEFAULTS[name]
    return "unset" if field.default in (None, ()) else f"`{field.default}`"


def _config() -> Iterator[list[str]]:
    yield ["setting", "of a", "default", "what it does", "values", "set by"]
    for entry in ENTRIES:
        default, values = entry.show(entry.default), entry.kind.allowed
        shown = [f"`{entry.name}`", entry.scope, f"`{default}`", entry.effect]
        yield [*shown, f"{values}; such as `{entry.example}`", entry.set_by]


def _discord() -> Iterator[list[str]]:
    yield ["command", "who", "what it does"]
    for command in described(every_command()):
        yield [f"`{command.usage}`", command.who, command.what]


def _command_line() -> Iterator[list[str]]:
    yield ["command", "what it does"]
    for path, command in _commands("docbot", cli.commands):
        # In a table a bar ends the cell, also within code.
        usage = " ".join([path, *_arguments(command)]).replace("|", "\\|")
        yield [f"`{usage}`", command.get_short_help_str(limit=200).rstrip(".")]


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Give each command that does something, in the order of the code, with the words before it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _commands(f"{path} {name}", inner)


def _arguments(command: click.Command) -> Iterator[str]:
    """Write the arguments, then the options; what is in brackets may be left out."""
    for each in command.params:
        if isinstance(each, click.Argument):
            yield each.metavar or str(each.name).upper()
    for each in command.params:
        if isinstance(each, click.Option):
            yield from _option(each)


def _option(option: click.Option) -> Iterator[str]:
    name = max(option.opts, key=len)
    written = name if option.is_flag else f"{name} {_value(option)}"
    if option.required:
        yield written
    if option.multiple:
        yield f"[{written} ...]"
    elif not option.required:
        yield f"[{written}]"


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    if isinstance(option.type, click.IntRange):
        return option.metavar or "N"
    return option.metavar or str(option.name).upper()


TABLES: Mapping[str, Callable[[], Iterator[list[str]]]] = {
    "environment": _environment,
    "config": _config,
    "discord": _discord,
    "command-line": _command_line,
}


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
