import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
project = "Pumps"
author = "The Water Works"
project_copyright = "The Water Works"
version = release = "2.1"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx.ext.doctest",
    "sphinx.ext.todo",
    "sphinx_design",
    "sphinx_tabs.tabs",
    "sphinx_copybutton",
]
myst_enable_extensions = [
    "colon_fence",
    "deflist",
    "tasklist",
    "dollarmath",
    "fieldlist",
    "substitution",
    "attrs_inline",
    "attrs_block",
    "html_admonition",
]
myst_substitutions = {"product": "Pumps **2.1**"}
myst_heading_anchors = 3
rst_prolog = ".. |product| replace:: **Pumps** 2.1\n"
numfig = True
python_maximum_signature_line_length = 90
todo_include_todos = True
html_theme = os.environ.get("THEME", "alabaster")
html_title = "Pumps 2.1"
html_last_updated_fmt = "2026-01-01"
html_theme_options = {
    "pydata_sphinx_theme": {
        "use_edit_page_button": True,
        "announcement": "Version 3 comes in spring.",
        "show_version_warning_banner": True,
        "switcher": {"json_url": "https://docs.example.org/switcher.json", "version_match": "2.1"},
        "navbar_end": ["version-switcher", "theme-switcher"],
        "check_switcher": False,
        "github_url": "https://github.com/example/pumps",
    },
    "sphinx_book_theme": {
        "repository_url": "https://github.com/example/pumps",
        "repository_branch": "main",
        "path_to_docs": "docs",
        "use_edit_page_button": True,
        "use_issues_button": True,
        "use_source_button": True,
        "announcement": "Version 3 comes in spring.",
    },
    "furo": {
        "announcement": "Version 3 comes in spring.",
        "source_repository": "https://github.com/example/pumps/",
        "source_branch": "main",
        "source_directory": "docs/",
    },
}.get(html_theme, {})
html_context = {
    "github_user": "example",
    "github_repo": "pumps",
    "github_version": "main",
    "doc_path": "docs",
    "display_github": True,
    "conf_py_path": "/docs/",
}
