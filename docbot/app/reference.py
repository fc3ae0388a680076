"""Writes the tables of settings in `docs/settings.md` from the code, so that both say the same.

python -m docbot.app.reference docs/settings.md
"""

import re
import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from docbot.config import ENTRIES, Entry
from docbot.settings import Settings

_TABLE = re.compile(
    r"(?P<begin><!-- (?P<name>\w+) from the code: make docs -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
_ENVIRONMENT_HEAD = "| setting | default | what it does | a change needs |\n|---|---|---|---|\n"
_CONFIG_HEAD = (
    "| setting | of a | default | what it does | values | set by |\n|---|---|---|---|---|---|\n"
)
# The default of the data folder differs by machine.
_SHOWN_DEFAULTS = {"docbot_data_dir": "the platform's data folder"}


def with_tables(page: str) -> str:
    """Return the page with its tables of settings as the code has them.

    Raises:
        ValueError: the page does not have one place for each.
    """
    tables = {
        "environment": _ENVIRONMENT_HEAD
        + "".join(_row(name, field) for name, field in Settings.model_fields.items()),
        "config": _CONFIG_HEAD + "".join(map(_config_row, ENTRIES)),
    }
    if sorted(match["name"] for match in _TABLE.finditer(page)) != sorted(tables):
        raise ValueError(f"the page must have one place for each of: {', '.join(tables)}")
    return _TABLE.sub(lambda match: match["begin"] + tables[match["name"]] + match["end"], page)


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    is_taken_in = isinstance(extra, dict) and extra.get("reload")
    needs = "`/reload-config`" if is_taken_in else "a restart"
    return f"| `{name.upper()}` | {_default(name, field)} | {field.description} | {needs} |\n"


def _default(name: str, field: FieldInfo) -> str:
    if name in _SHOWN_DEFAULTS:
        return _SHOWN_DEFAULTS[name]
    return "unset" if field.default in (None, ()) else f"`{field.default}`"


def _config_row(entry: Entry) -> str:
    values = f"{entry.kind.allowed}; such as `{entry.example}`"
    default = f"`{entry.show(entry.default)}`"
    cells = (f"`{entry.name}`", entry.scope, default, entry.effect, values, entry.set_by)
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
