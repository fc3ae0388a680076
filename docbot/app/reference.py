"""Writes the table of settings in `docs/settings.md` from the code, so that both say the same.

python -m docbot.app.reference docs/settings.md
"""

import re
import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from docbot.settings import Settings

_TABLE = re.compile(r"(?<=<!-- from the code: make docs -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEAD = "| setting | default | what it does | a change needs |\n|---|---|---|---|\n"
# The default of the data folder differs by machine.
_SHOWN_DEFAULTS = {"docbot_data_dir": "the platform's data folder"}


def with_table(page: str) -> str:
    """Return the page with its table of settings as the code has it.

    Raises:
        ValueError: the page has no place for it.
    """
    if not _TABLE.search(page):
        raise ValueError("the page has no place for the table of settings")
    rows = "".join(_row(name, field) for name, field in Settings.model_fields.items())
    return _TABLE.sub(lambda _: _HEAD + rows, page)


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    is_taken_in = isinstance(extra, dict) and extra.get("reload")
    needs = "`/reload-config`" if is_taken_in else "a restart"
    return f"| `{name.upper()}` | {_default(name, field)} | {field.description} | {needs} |\n"


def _default(name: str, field: FieldInfo) -> str:
    if name in _SHOWN_DEFAULTS:
        return _SHOWN_DEFAULTS[name]
    return "unset" if field.default in (None, ()) else f"`{field.default}`"


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
