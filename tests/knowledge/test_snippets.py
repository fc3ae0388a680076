from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.folder.folder import File, FolderSource, read_changed, read_file
from docbot.knowledge.folder.snippets import with_snippets
from docbot.knowledge.memory import Known
from docbot.knowledge.pages import Page, Unchanged

FILES = {
    "a.md": "Alpha.\n",
    "b.py": "one = 1\n# --8<-- [start:mid]\ntwo = 2\n# --8<-- [end:mid]\nthree = 3\n",
    "again.md": 'Once.\n\n--8<-- "again.md"\n',
}


def test_snippets_stand_where_they_are_asked_for() -> None:
    assert with_snippets('x\n\n--8<-- "a.md"\n\ny', FILES.get) == "x\n\nAlpha.\n\ny"
    assert with_snippets("<!--@include: a.md-->", FILES.get) == "Alpha."
    assert with_snippets("--8<--\na.md\na.md\n--8<--", FILES.get) == "Alpha.\n\nAlpha."
    assert with_snippets('```py\n--8<-- "b.py:mid"\n```', FILES.get) == "```py\ntwo = 2\n```"
    assert with_snippets('    --8<-- "b.py:1:1"', FILES.get) == "    one = 1"
    assert with_snippets('--8<-- "b.py"', FILES.get) == "one = 1\ntwo = 2\nthree = 3"


def test_what_cannot_be_had_is_left_out_and_no_file_goes_on_for_ever() -> None:
    assert with_snippets('x\n--8<-- "missing.md"\ny', FILES.get) == "x\n\ny"
    assert with_snippets('--8<-- "again.md"', FILES.get).count("Once.") == 5


def test_nothing_outside_of_the_folder_is_taken_in(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("SECRET")
    (root / "link.md").symlink_to(tmp_path / "secret.md")
    (root / "inner.md").write_text("INNER")
    names = (
        "../secret.md",
        "secret.md",
        "/etc/passwd",
        str(tmp_path / "secret.md"),
        "link.md",
        "inner.md",
        "docs/inner.md",
    )
    (root / "guide" / "a.md").write_text("\n\n".join(f'--8<-- "{name}"' for name in names))
    assert read_file(root, root / "guide" / "a.md", None).markdown.split() == ["INNER", "INNER"]


def test_a_page_is_read_anew_where_what_it_takes_in_changed(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('--8<-- "part.txt"')
    (tmp_path / "part.txt").write_text("Before.")
    source, file = FolderSource(tmp_path, None), File("a.md", "a.md")
    page = read_changed(source, file, None)
    assert isinstance(page, Page)
    known = Known("a.md", None, None, page.body_hash, ())
    assert isinstance(read_changed(source, file, known), Unchanged)
    (tmp_path / "part.txt").write_text("After.")
    again = read_changed(source, file, known)
    assert isinstance(again, Page)
    assert again.markdown == "After.\n"


@given(
    st.lists(
        st.sampled_from(
            ['--8<-- "a.md"', '--8<-- "no.md"', "8<", "", "text", '    --8<-- "b.py:mid"']
        ),
        max_size=12,
    )
)
def test_no_text_is_lost_around_snippets(lines: list[str]) -> None:
    assert with_snippets("\n".join(lines), FILES.get).count("text") == lines.count("text")
