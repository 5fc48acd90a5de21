"""From image tags to pixel masks, at cluster scale.

The functions of the command line as Python functions, and the classes that read a published
dataset::

    import tag2mask

    result = tag2mask.label("photos", out="run")
    print(result)
    dataset = tag2mask.MaskDataset(result.dataset)
    prediction = tag2mask.load_segmenter(result.models["powerful"]).predict("photo.jpg")

A name is imported when it is first used, so reading a dataset imports neither Ray nor Prefect, and
opening one no torch.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from tag2mask.extras import named_extra

if TYPE_CHECKING:
    from tag2mask.evaluation import evaluate
    from tag2mask.exporting import export, push_to_hub
    from tag2mask.labeling import label
    from tag2mask.pipeline.dataset import MaskDataset, MaskLoader, MaskStream, RowFilter
    from tag2mask.pipeline.labeling.recipe import Recipe
    from tag2mask.segmenter import load_segmenter
    from tag2mask.systems import generate, train, transform
    from tag2mask.tables import open_table

__version__ = importlib.metadata.version("tag2mask")

__all__ = [
    "MaskDataset",
    "MaskLoader",
    "MaskStream",
    "Recipe",
    "RowFilter",
    "__version__",
    "evaluate",
    "export",
    "generate",
    "label",
    "load_segmenter",
    "open_table",
    "push_to_hub",
    "train",
    "transform",
]

_MODULES = {
    "MaskDataset": "tag2mask.pipeline.dataset.mask_dataset",
    "MaskLoader": "tag2mask.pipeline.dataset",
    "MaskStream": "tag2mask.pipeline.dataset",
    "Recipe": "tag2mask.pipeline.labeling.recipe",
    "RowFilter": "tag2mask.pipeline.dataset.row_filter",
    "evaluate": "tag2mask.evaluation",
    "export": "tag2mask.exporting",
    "generate": "tag2mask.systems",
    "label": "tag2mask.labeling",
    "load_segmenter": "tag2mask.segmenter",
    "open_table": "tag2mask.tables",
    "push_to_hub": "tag2mask.exporting",
    "train": "tag2mask.systems",
    "transform": "tag2mask.systems",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with named_extra(f"{__name__}.{name}"):
        value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value  # the next access finds it at once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
