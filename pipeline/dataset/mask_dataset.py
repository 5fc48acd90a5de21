"""MaskDataset: random access to the images and masks of a published dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tag2mask.pipeline.dataset.row_filter import RowFilter
from tag2mask.pipeline.dataset.rows import DatasetRows
from tag2mask.pipeline.dataset.sample import PairTransform, Sample, decode_pair, make_sample

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    _Base = Dataset[Sample]
else:
    # A DataLoader takes any class with these methods; torch is imported with the first sample.
    _Base = object


class MaskDataset(_Base):
    """A published dataset with random access, for a DataLoader with any sampler and workers.

    Each sample takes two reads: one range of bytes for its image and one for its mask.

    Args:
        uri: URI of the dataset, a local path or an fsspec URI.
        where: Conditions on the wanted rows, decided without reading images; None selects all.
        transform: Function of an image and its mask, both tv_tensors, that returns both. Any
            transform of ``torchvision.transforms.v2`` fits. Fill masks with 255.

    Attributes:
        rows: The wanted rows: small columns and class table.

    Raises:
        UserError: If there is no dataset, or no row passes the filter.
    """

    def __init__(
        self, uri: str, *, where: RowFilter | None = None, transform: PairTransform | None = None
    ) -> None:
        self.rows = DatasetRows(uri, where or RowFilter())
        self.transform = transform

    def __len__(self) -> int:
        """The number of wanted rows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        """Read the sample at a position.

        Returns:
            A dictionary, see :func:`tag2mask.pipeline.dataset.sample.make_sample`.

        Raises:
            IndexError: If there is no such position.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"no row {index}: the dataset has {len(self)} rows")
        index %= len(self)
        ((image, mask),) = self.rows.images(index)
        return make_sample(self.rows, index, decode_pair(image, mask), self.transform)
