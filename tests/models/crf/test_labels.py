"""Hard labels as probabilities."""

import numpy as np
import pytest

from tag2mask.models.crf import CRF_PRESETS, CRFS, label_probabilities


@pytest.mark.parametrize("classes", [(0, 12), (12, 0), (0, 3, 12)])
def test_by_hand(classes):
    """Background keeps its own probability, and 255 is a uniform one."""
    labels = np.array([[0, 12, 255]], np.uint8)
    rest = 0.3 / (len(classes) - 1)
    expected = {
        0: [0.7, rest, 1 / len(classes)],
        12: [rest, 0.7, 1 / len(classes)],
        3: [rest, rest, 1 / len(classes)],
    }
    found = label_probabilities(labels, classes, 0.7)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [expected[c] for c in classes], rtol=1e-6)


def test_one_label_alone():
    found = label_probabilities(np.full((2, 2), 7, np.uint8), (7,))
    np.testing.assert_allclose(found, 0.7, rtol=1e-6)


def test_unknown_pixels_are_filled_in():
    labels = np.broadcast_to(np.where(np.arange(16) < 8, 0, 12), (16, 16)).astype(np.uint8)
    image = np.stack([labels * 15] * 3, axis=-1)
    known = labels.copy()
    known[:, 6:10] = 255
    crf = CRFS["numba"](CRF_PRESETS["irn"])
    (marginals,) = crf([image], [label_probabilities(known, (0, 12))])
    np.testing.assert_array_equal(np.array([0, 12])[marginals.argmax(0)], labels)


def test_refusals():
    with pytest.raises(ValueError, match=r"labels hold \[5\]"):
        label_probabilities(np.full((8, 8), 5, np.uint8), (0, 1))
    with pytest.raises(ValueError, match="different pixel values"):
        label_probabilities(np.zeros((8, 8), np.uint8), (0, 0))
