"""MaskDataset: the images and masks of a published dataset, in any order."""

from __future__ import annotations

from torch.utils.data import Dataset

from tag2mask.pipeline.dataset.row_filter import RowFilter
from tag2mask.pipeline.dataset.rows import DatasetRows
from tag2mask.pipeline.dataset.sample import PairTransform, Sample, decode_pair, make_sample


class MaskDataset(Dataset[Sample]):
    """Random access to a published dataset; for a DataLoader with any sampler and workers.

    A sample is read alone, with one range of bytes for its image and one for its mask.

    Args:
        uri: The dataset, a local path or an fsspec URI.
        where: Which rows are wanted, decided without reading an image; None wants all.
        transform: Gets an image and its mask as tv_tensors and returns both; any transform
            of ``torchvision.transforms.v2`` does. Fill masks with 255.

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
        """The sample at a position, see :func:`tag2mask.pipeline.dataset.sample.make_sample`.

        Raises:
            IndexError: If there is no such position.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"no row {index}: there are {len(self)}")
        index %= len(self)
        ((image, mask),) = self.rows.images(index)
        return make_sample(self.rows, index, decode_pair(image, mask), self.transform)
