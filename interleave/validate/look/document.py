"""The page itself: one HTML document with its style and script inside, under a policy that lets nothing else run.

The data is a block of JSON that no parser of markup sees the inside of; the script puts it into the page as text. So
what a web page said cannot become markup, and if it did, the policy names the one script and the one style by hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import orjson

from interleave.text import harmless, storable

# In the order in which they use each other.
_SCRIPTS = ("dom", "data", "charts", "overview", "sample", "samples", "removed", "main")
# Characters that could end the block of data, or a line of it.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def page(title: str, data: dict[str, Any] | None) -> str:
    """The page of a dataset.

    data: what it shows; None where it asks the server that it came from.
    """
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_file("page.html"))
    return template.render(
        title=harmless(storable(title)),
        policy=policy(is_served=data is None),
        style=_style(),
        script=_script(),
        data=_json(data),
    )


def policy(*, is_served: bool) -> str:
    """The Content-Security-Policy of the page; a server sends it as a header, too."""
    images, answers = ("'self' data:", "'self'") if is_served else ("data:", "'none'")
    return (
        f"default-src 'none'; script-src {_hash(_script())}; style-src {_hash(_style())}; img-src {images}; "
        f"connect-src {answers}; base-uri 'none'; form-action 'none'"
    )


def _json(data: dict[str, Any] | None) -> str:
    text = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()
    for character, escape in _ESCAPED.items():
        text = text.replace(character, escape)
    return text


@cache
def _script() -> str:
    parts = "\n".join(_file(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _style() -> str:
    return _file("page.css")


@cache
def _file(name: str) -> str:
    return (resources.files("interleave.validate.look") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
