"""How Sphinx builds the documentation: ``make docs``. Nothing is fetched, warnings are errors."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from catalog_builder import __version__

project = "catalog-builder"
author = "The catalog-builder developers"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

html_theme = "furo"
html_title = "catalog-builder"
html_copy_source = False

myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # What `make bench` prints begins at the third level.
nb_execution_mode = "off"  # Notebooks are run by a test, and stored with what they gave.

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}


def setup(app: Sphinx) -> None:
    """Show drawings as text, as their renderer would be fetched from another host."""
    app.add_lexer("mermaid", TextLexer)
