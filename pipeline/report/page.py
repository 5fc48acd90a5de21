"""The page of an inspection: one HTML file with all its images, styles and script inside.

Everything that comes from data is escaped by the template engine. A content security policy
allows the page's own script alone, by its hash, and no connection to anywhere: a tag that
slipped through would still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tag2mask.pipeline.evaluation.sizes import SIZES
from tag2mask.pipeline.publication.quality import FLAGS
from tag2mask.pipeline.report.inspection import Inspection
from tag2mask.pipeline.report.thumbnails import color

__all__ = ["inspection_page", "is_inspection_page"]

TEMPLATES = "templates"


def inspection_page(inspection: Inspection) -> bytes:
    """Render the page as UTF-8 HTML that needs no other file and no network."""
    environment = Environment(
        loader=PackageLoader("tag2mask.pipeline.report", TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "quality": _quality, "thousands": _thousands}
    script = _own_file("inspect.js")
    names = inspection.classes.names
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template("inspect.html.jinja").render(
        inspection=inspection,
        title="/".join(inspection.uri.split("/")[-2:]),
        colors={name: color(value) for value, name in enumerate(names, 1)},
        limits=_limits(inspection),
        flag_words=FLAGS,
        size_names=SIZES,
        recipe=json.dumps(inspection.recipe, indent=2, sort_keys=True),
        # These two are the package's own files, no data.
        style=Markup(_own_file("inspect.css")),
        script=Markup(script),
        digest=digest,
    )
    return page.encode()


def is_inspection_page(data: bytes) -> bool:
    """Whether a file is a page of :func:`inspection_page`, by its head."""
    head = data.partition(b"<style>")[0]
    return b"Content-Security-Policy" in head and "· tag2mask</title>".encode() in head


def _own_file(name: str) -> str:
    return (resources.files("tag2mask.pipeline.report") / TEMPLATES / name).read_text(
        encoding="utf-8"
    )


def _limits(inspection: Inspection) -> dict[str, tuple[int, int]]:
    """The least and the largest quality on any card, by measure: the ends of the sliders.

    In whole thousandths, since browsers round the fractions of a slider as they like. Rounded
    outwards, so that every card lies between the ends.
    """
    found: dict[str, list[float]] = {
        "confidence": [v for card in inspection.cards for v in card.confidence.values()],
        "iou": [v for card in inspection.cards for v in card.iou.values()],
    }
    return {
        name: (math.floor(1000 * min(values)), math.ceil(1000 * max(values)))
        for name, values in found.items()
        if values
    }


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}"


def _quality(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _thousands(value: int) -> str:
    return f"{value:,}"
