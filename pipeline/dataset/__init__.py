"""Published datasets for training with torch: random access, streams, filters, weights."""

from pipeline.dataset.class_weights import inverse_area, median_frequency
from pipeline.dataset.loader import MaskLoader
from pipeline.dataset.mask_dataset import MaskDataset
from pipeline.dataset.mask_stream import MaskStream
from pipeline.dataset.row_filter import RowFilter

__all__ = [
    "MaskDataset",
    "MaskLoader",
    "MaskStream",
    "RowFilter",
    "inverse_area",
    "median_frequency",
]
