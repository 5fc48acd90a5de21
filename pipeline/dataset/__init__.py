"""Published datasets for training with torch: random access, streams, filters, class weights.

A name is imported when it is first used: opening a dataset needs no torch, reading a sample does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tag2mask.pipeline.dataset.class_weights import inverse_area, median_frequency
    from tag2mask.pipeline.dataset.loader import MaskLoader
    from tag2mask.pipeline.dataset.mask_dataset import MaskDataset
    from tag2mask.pipeline.dataset.mask_stream import MaskStream
    from tag2mask.pipeline.dataset.row_filter import RowFilter

__all__ = [
    "MaskDataset",
    "MaskLoader",
    "MaskStream",
    "RowFilter",
    "inverse_area",
    "median_frequency",
]

_MODULES = {
    "MaskDataset": "mask_dataset",
    "MaskLoader": "loader",
    "MaskStream": "mask_stream",
    "RowFilter": "row_filter",
    "inverse_area": "class_weights",
    "median_frequency": "class_weights",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next access finds it at once
    return value
