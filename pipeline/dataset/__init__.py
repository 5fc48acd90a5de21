"""Published datasets for training with torch: random access, streams, filters, class weights."""

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
