"""The page itself: one HTML document with its style and script inside."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tag2mask.pipeline.report.thumbnails import color
from tag2mask.pipeline.systems.paint.drawing import LARGEST, SMALLEST, PaintModel

PACKAGE, TEMPLATES = "tag2mask.pipeline.systems.paint", "templates"


def paint_page(model: PaintModel) -> tuple[bytes, str]:
    """The page of a model, and the content security policy to send with it.

    The policy allows the page's own script, by its hash, and connections to this server.

    Args:
        model: The system that makes the photos.

    Returns:
        UTF-8 HTML, and the value of the header.
    """
    environment = Environment(
        loader=PackageLoader(PACKAGE, TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    script = _own_file("paint.js")
    names = model.classes.names
    page = environment.get_template("paint.html.jinja").render(
        name=model.name.replace("_", " "),
        size=model.size,
        smallest=SMALLEST,
        largest=LARGEST,
        fills=model.fills,
        classes=[(value, name, color(value)) for value, name in enumerate(names, 1)],
        # These two are the package's own files, not data.
        style=Markup(_own_file("paint.css")),
        script=Markup(script),
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; connect-src 'self'; img-src blob: data:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _own_file(name: str) -> str:
    return (resources.files(PACKAGE) / TEMPLATES / name).read_text(encoding="utf-8")
