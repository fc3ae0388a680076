from pathlib import Path

import pytest

from docbot.errors import UsageError
from docbot.knowledge.location import located, overlap


@pytest.mark.parametrize(
    ("one", "other", "lies"),
    [
        ("https://x.test/docs/", "https://x.test/docs", "same"),
        ("https://x.test/docs/", "http://X.test:80/docs/index.html#top", "same"),
        ("https://x.test/docs/", "https://x.test/docs/start.html?q=1", "same"),
        ("https://x.test/docs/guide/", "https://x.test/docs/", "within"),
        ("https://x.test/", "https://x.test/docs/", "around"),
        ("https://x.test/v1.2", "https://x.test/v1.3", None),
        ("https://x.test/docs-old/", "https://x.test/docs/", None),
        ("https://x.test/docs/", "https://y.test/docs/", None),
        ("/srv/docs", "/srv/docs/", "same"),
        ("/srv/docs/guide", "/srv/docs", "within"),
        ("/srv", "/srv/docs", "around"),
        ("/srv/docs-old", "/srv/docs", None),
        ("/srv/docs/pages.jsonl", "/srv/docs/pages.jsonl", "same"),
        ("/srv/docs/pages.jsonl", "/srv/docs", "within"),
        ("/srv/docs", "/srv/docs/pages.jsonl", "around"),
        ("/srv/docs/pages.jsonl", "/srv/docs/pages.jsonl.d", None),
        ("/x.test/docs", "https://x.test/docs", None),
    ],
)
def test_what_is_read_twice_is_told(one: str, other: str, lies: str | None) -> None:
    assert overlap(one, other) == lies


def test_a_website_a_folder_and_a_file_of_json_lines_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "pages.JSONL").touch()
    (tmp_path / "page.md").touch()
    assert located("https://x.test/a.jsonl")[0] == "website"
    assert located(str(tmp_path)) == ("folder", str(tmp_path.resolve()))
    assert located(str(tmp_path / "pages.JSONL"))[0] == "file"
    with pytest.raises(UsageError, match="only as JSON Lines"):
        located(str(tmp_path / "page.md"))
    with pytest.raises(UsageError, match="there is no such folder"):
        located(str(tmp_path / "missing.jsonl"))
