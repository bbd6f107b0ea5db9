"""The site: `make docs` builds it into docs/_build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dferclip_mm

HERE = Path(__file__).resolve().parent

project = 'dferclip_mm'
author = copyright = 'the dferclip_mm contributors'
version = release = dferclip_mm.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'dferclip_mm {release}'
html_static_path = []
myst_heading_anchors = 3
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_default_options = {'members': True}
napoleon_google_docstring = True
napoleon_use_ivar = True
nitpicky = False

# Pages outside of this folder that have a place in the site.
ROOT_PAGES = {'README': 'index', 'SECURITY': 'security', 'CONTRIBUTING': 'contributing'}


def stay_in_the_site(app: Any, name: str, source: list[str]) -> None:
    """Links to configs and code, which the site does not hold, become plain names."""

    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = (folder / target).resolve()
        if path.is_relative_to(HERE):
            return match.group()
        page = ROOT_PAGES.get(path.relative_to(HERE.parent).with_suffix('').as_posix())
        return f'[{text}]({page}.md)' if page else text

    folder = HERE / Path(name).parent
    source[0] = re.sub(r'\[([^\]]+)\]\((\.\./[^)]+)\)', link, source[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect('source-read', stay_in_the_site)
