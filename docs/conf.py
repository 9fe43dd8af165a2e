"""Sphinx configuration, and the directive that lists the error catalogue."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

import georoi
from georoi.errors import CATALOGUE

sys.path.insert(0, str(Path(__file__).parent))

project = "georoi"
copyright = "the georoi contributors"
version = release = georoi.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "figures", "README.md"]
html_theme = "pydata_sphinx_theme"
html_title = f"georoi {version}"
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
smartquotes = False
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")


class ErrorCatalogue(Directive):
    """Every error id with its meaning, each with a link of its own."""

    def run(self) -> list[nodes.Node]:
        listing = nodes.definition_list()
        for id, meaning in CATALOGUE.items():
            term = nodes.term("", "", nodes.literal(text=id), ids=[id.lower()])
            body = nodes.definition("", nodes.paragraph(text=meaning))
            listing += nodes.definition_list_item("", term, body)
        return [listing]


def setup(app) -> None:
    app.add_directive("error-catalogue", ErrorCatalogue)
