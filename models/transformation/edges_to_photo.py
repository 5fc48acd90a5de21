"""Photos from their edges (Isola et al., CVPR 2017, section 4)."""

from __future__ import annotations

from torch import Tensor

from tag2mask.models.system import Batch
from tag2mask.models.transformation.edges import edges
from tag2mask.models.transformation.pix2pix import Pix2Pix, Pix2PixSettings


class EdgesToPhoto(Pix2Pix):
    """pix2pix from the edges of an image, which are computed from the image itself."""

    @classmethod
    def channels(cls, settings: Pix2PixSettings) -> int:
        """One plane of edges."""
        del settings
        return 1

    def given(self, batch: Batch) -> Tensor:
        """The edges, from 0 to 1."""
        return edges(batch["image"])

    def shown(self, given: Tensor) -> Tensor:
        """The edges, dark on white."""
        return (1 - 2 * given).expand(-1, 3, -1, -1)
