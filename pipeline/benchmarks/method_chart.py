"""A bar chart of the methods: this project's figures against the published ones."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tag2mask.pipeline.benchmarks.method_table import MethodRow

BAR = 0.38  # height of a bar, of the distance between two methods


def method_chart(rows: Sequence[MethodRow], data: str) -> bytes:
    """Draw two bars for each method.

    Args:
        rows: The methods from top to bottom.
        data: Name of the data set of the project's figures, for the legend.

    Returns:
        The bytes of a PNG.
    """
    figure = Figure(figsize=(8, 0.9 + 0.45 * len(rows)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = list(range(len(rows)))
    ours = [100 * row.miou for row in rows]
    published = [row.published or 0.0 for row in rows]
    axes.barh([place - BAR / 2 for place in places], ours, BAR, label=f"here ({data})")
    axes.barh([place + BAR / 2 for place in places], published, BAR, label="VOC 2012 test")
    for place, row in zip(places, rows, strict=True):
        axes.text(100 * row.miou + 0.6, place - BAR / 2, f"{100 * row.miou:.1f}", va="center")
        if row.published is not None:
            text = f"{row.published:.1f}{row.mark}"
            axes.text(row.published + 0.6, place + BAR / 2, text, va="center")
    axes.set_yticks(places, [f"{row.name} ({row.supervision})" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("mean IoU, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)  # above the bars
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
