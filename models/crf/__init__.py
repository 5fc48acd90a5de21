"""DenseCRF: fully connected conditional random fields over pixels (Krähenbühl & Koltun, 2011).

The energy of a labeling is the sum of the unary terms ``-log p`` and of two Potts terms,
``w1 exp(-|dp|²/2 sxy² - |dI|²/2 srgb²)`` (bilateral: near and of like color) and
``w2 exp(-|dp|²/2 sxy²)`` (Gaussian: near), minimized by mean field with kernels that are
normalized symmetrically.

Shapes are N pixels, K competing labels, H rows and W columns. The labels are the tags of an image
and background, never the whole class table. A label that cannot win costs time and blurs others.

The members agree in 99.9 % of the labels. ``numba`` (the default) is compiled for one processor
core. ``torch`` computes many images at once on a GPU. ``pydensecrf`` is the authors' own code, with
which the other two are compared in tests.
"""

from __future__ import annotations

from collections.abc import Callable

from tag2mask.models.crf.base import Crf
from tag2mask.models.crf.batched import TorchCrf
from tag2mask.models.crf.labels import label_probabilities
from tag2mask.models.crf.parameters import CRF_PRESETS, CrfParameters
from tag2mask.models.crf.pydensecrf import PydensecrfCrf

__all__ = [
    "CRFS",
    "CRF_PRESETS",
    "DEFAULT_CRF",
    "RENAMED_CRFS",
    "Crf",
    "CrfParameters",
    "label_probabilities",
]


def _numba(parameters: CrfParameters) -> Crf:
    # Imported late, because reading datasets and predicting work without numba.
    try:
        from tag2mask.models.crf.compiled import NumbaCrf
    except ImportError as error:
        raise ImportError(
            "the DenseCRF 'numba' needs the package numba, which is not installed or does not "
            "load: run `pip install 'tag2mask[label]'`"
        ) from error
    return NumbaCrf(parameters)


DEFAULT_CRF = "numba"

CRFS: dict[str, Callable[[CrfParameters], Crf]] = {
    DEFAULT_CRF: _numba,
    "pydensecrf": PydensecrfCrf,
    "torch": TorchCrf,
}

# Names of version 0.1, as in stored recipes, and their new names.
RENAMED_CRFS = {"fast": "numba", "reference": "pydensecrf"}
