"""What of docbot an evaluation measures: the stages of its search, its caution, its model."""

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, get_args

from docbot.answers.lanes import Caution
from docbot.errors import UsageError
from docbot.retrieval.stages import ALL_STAGES, OFF, Stages

NO_MODEL: Final = "none"
_STAGES: Final = tuple(field.name for field in fields(Stages))
_NAMES: Final = (*_STAGES, "caution", "chat_model")
_SWITCH: Final = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}
_SHOWN: Final = {True: "on", False: "off"}
_EXAMPLES: Final = {
    **{
        field.name: "off" if field.default is True or field.name in OFF else str(field.default)
        for field in fields(Stages)
    },
    "caution": "helpful",
    "chat_model": NO_MODEL,
}
_FORM: Final = "write name=value[,name=value...], as stemming=off, or the path of a TOML file"


@dataclass(frozen=True, slots=True)
class Configuration:
    """`chat_model` None answers by quoting."""

    stages: Stages = ALL_STAGES
    caution: Caution = "cautious"
    chat_model: str | None = None

    def described(self) -> dict[str, Any]:
        """Give every value by its name."""
        model = self.chat_model or NO_MODEL
        return {**asdict(self.stages), "caution": self.caution, "chat_model": model}


def shown(values: Mapping[str, Any]) -> str:
    """Write what `described` gave as `configured` reads it."""
    return ", ".join(
        f"{name}={_SHOWN[value] if isinstance(value, bool) else value}"
        for name, value in values.items()
    )


def configured(text: str, usual: Configuration) -> Configuration:
    """Read a configuration: what it does not name is as `usual`.

    Raises:
        UsageError: it is none; the message names what is wrong and what is allowed.
    """
    chosen = usual
    for name, value in _pairs(text).items():
        chosen = _with(chosen, name, value)
    return chosen


def _pairs(text: str) -> Mapping[str, Any]:
    if not text.strip():
        raise UsageError(f"the configuration is empty; {_FORM}")
    path = Path(text)
    if "=" in text and not _is_file(path):
        return dict(_pair(part) for part in text.split(",") if part.strip())
    values = _read(path)
    for name, value in values.items():
        if isinstance(value, Mapping):
            raise UsageError(
                f"{path}: holds a table, {name}; names stand flat, without a table, in lines such"
                " as dense = false"
            )
    return values


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: is no TOML ({error}); write lines such as dense = false"
        ) from error
    except (OSError, ValueError) as error:
        if str(path) in _EXAMPLES:
            raise _without_value(str(path)) from error
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({reason}); {_FORM}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False


def _pair(part: str) -> tuple[str, str]:
    name, mark, value = part.partition("=")
    if not mark:
        raise _without_value(part.strip())
    return name.strip(), value.strip()


def _without_value(name: str) -> UsageError:
    if name not in _EXAMPLES:
        return UsageError(f"{name}: has no `=`; {_FORM}")
    return UsageError(f"{name}: has no value, as in {name}={_EXAMPLES[name]}; {_FORM}")


def _with(configuration: Configuration, name: str, value: Any) -> Configuration:
    if name == "caution":
        if value not in get_args(Caution):
            raise UsageError(f"caution={value}: allowed are {' and '.join(get_args(Caution))}")
        return replace(configuration, caution=value)
    if name == "chat_model":
        if not isinstance(value, str) or not value:
            raise UsageError(f"chat_model={value}: give a model's name, or {NO_MODEL}")
        return replace(configuration, chat_model=None if value == NO_MODEL else value)
    if name not in _STAGES:
        raise UsageError(_unknown(name))
    stages: Stages = replace(configuration.stages, **{name: _stage_value(name, value)})
    return replace(configuration, stages=stages)


def _stage_value(name: str, value: Any) -> Any:
    """Read a value as what the stage has unless it is set."""
    usual: Any = getattr(ALL_STAGES, name)
    switch = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
    if isinstance(usual, bool):
        if switch is None:
            raise UsageError(f"{name}={value}: allowed are on and off")
        return switch
    try:
        # A number is one, also where it would switch a stage.
        number = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        number = None
    if number is None and switch is not None:
        number = usual if switch else OFF.get(name)
    if number is None:
        raise UsageError(f"{name}={value}: give a number such as {usual}")
    if not 0 <= number < math.inf:
        raise UsageError(f"{name}={value}: give a number from 0 on, such as {usual}")
    return number


def _unknown(name: str) -> str:
    [near] = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0)
    return f"{name}: there is no such name; the nearest is {near}; names: {', '.join(_NAMES)}"
