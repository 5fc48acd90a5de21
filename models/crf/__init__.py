"""DenseCRF: fully connected conditional random fields over pixels (Krähenbühl & Koltun, 2011).

The energy of a labelling is the sum of the unary terms ``-log p`` and of two Potts terms,
``w1 exp(-|dp|²/2 sxy² - |dI|²/2 srgb²)`` (bilateral: near and of like colour) and
``w2 exp(-|dp|²/2 sxy²)`` (Gaussian: near), minimised by mean field with kernels that are
normalised symmetrically.

N pixels, K competing labels (the tags of a picture and background, never the whole class
table: a label that cannot win still costs time and blurs the others), H rows, W columns.

``reference`` is pydensecrf, on whose labels the other members agree: ``fast`` is compiled by
numba for one processor core, ``torch`` takes many pictures at once to a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

from tag2mask.models.crf.base import Crf
from tag2mask.models.crf.batched import TorchCrf
from tag2mask.models.crf.labels import label_probabilities
from tag2mask.models.crf.parameters import CRF_PRESETS, CrfParameters
from tag2mask.models.crf.reference import ReferenceCrf

__all__ = ["CRFS", "CRF_PRESETS", "Crf", "CrfParameters", "label_probabilities"]


def _fast(parameters: CrfParameters) -> Crf:
    # Imported late: numba is an optional dependency.
    try:
        from tag2mask.models.crf.compiled import FastCrf
    except ImportError as error:
        raise ImportError(
            "the fast DenseCRF needs the package numba, which is not installed: run "
            "`pip install numba`, or choose another member"
        ) from error
    return FastCrf(parameters)


CRFS: dict[str, Callable[[CrfParameters], Crf]] = {
    "reference": ReferenceCrf,
    "fast": _fast,
    "torch": TorchCrf,
}
