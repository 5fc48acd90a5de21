"""The DenseCRF of its authors, through pydensecrf: the reference of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from tag2mask.models.crf.base import Crf
from tag2mask.models.crf.parameters import CrfParameters


class PydensecrfCrf(Crf):
    """Krähenbühl & Koltun's own code, one image after another, on one processor core."""

    def __init__(self, parameters: CrfParameters) -> None:
        super().__init__(parameters)
        try:
            self._library = import_module("pydensecrf.densecrf")
        except ImportError as error:
            raise ImportError(
                "the DenseCRF 'pydensecrf' needs the package pydensecrf2, which is not installed "
                "or does not load: run `pip install 'tag2mask[pydensecrf]'` (it is built from "
                "source and needs a C++ compiler, for example g++), or choose 'numba'"
            ) from error

    def refine(
        self, images: Sequence[np.ndarray], log_unaries: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """One image after another."""
        return [self._refine(*pair) for pair in zip(images, log_unaries, strict=True)]

    def _refine(self, image: np.ndarray, log_unary: np.ndarray) -> np.ndarray:
        labels, height, width = log_unary.shape
        field = self._library.DenseCRF2D(width, height, labels)
        # The library reads raw memory, so arrays must be contiguous and of exactly these types. A
        # transposed or cropped view is not.
        unary = np.ascontiguousarray(-log_unary.reshape(labels, -1), dtype=np.float32)
        field.setUnaryEnergy(unary)
        field.addPairwiseGaussian(
            sxy=self.parameters.gaussian_sxy, compat=self.parameters.gaussian_weight
        )
        field.addPairwiseBilateral(
            sxy=self.parameters.bilateral_sxy,
            srgb=self.parameters.bilateral_srgb,
            rgbim=np.ascontiguousarray(image),
            compat=self.parameters.bilateral_weight,
        )
        marginals = np.array(field.inference(self.parameters.iterations), dtype=np.float32)
        return marginals.reshape(labels, height, width)
