"""Where a folder's files are published, by the generator whose configuration lies with them."""

from pathlib import Path

import pytest

from docbot.knowledge.folder.published import Site

BASE = "https://docs.example.org/docs/"


@pytest.mark.parametrize(
    ("configuration", "path", "front", "address"),
    [
        ("docusaurus.config.ts", "01-guide/02-intro.md", "", "guide/intro"),
        ("docusaurus.config.ts", "guide/guide.mdx", "", "guide/"),
        ("docusaurus.config.ts", "guide/a.md", "id: other", "guide/other"),
        ("docusaurus.config.ts", "guide/a.md", "slug: /top", "top"),
        ("docusaurus.config.ts", "guide/a.md", "slug: near/by", "guide/near/by"),
        ("docusaurus.config.ts", "2024-01-02-news.md", "", "2024-01-02-news"),
        ("none", "01-guide/02-intro.md", "id: other", "01-guide/02-intro"),
        ("none", "a.md", "permalink: /other/", "other/"),
        ("none", "a.md", "permalink: /docs/other.html", "other.html"),
        ("none", "guide/a.md", "slug: whole/way", "whole/way"),
        ("mkdocs.yml", "guide/a.md", "", "guide/a/"),
        ("mkdocs.yml", "guide/index.md", "", "guide/"),
        ("docs/conf.py", "guide/a.md", "", "guide/a.html"),
        ("none", "guide/a.rst", "", "guide/a.html"),
        ("none", "guide/index.rst", "", "guide/"),
        ("none", "guide/a.pdf", "", "guide/a.pdf"),
    ],
)
def test_a_file_is_where_its_generator_puts_it(
    tmp_path: Path, configuration: str, path: str, front: str, address: str
) -> None:
    root = tmp_path / "docs"
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_text(f"---\n{front}\n---\ntext")
    (tmp_path / configuration).touch()
    assert Site.at(root, BASE).address(file) == BASE + address
    assert Site.at(root, None).address(file) == path
