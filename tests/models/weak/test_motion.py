"""Motion cues: the camera's motion is found and removed, and moving objects are labeled."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tag2mask.models.crf import CRF_PRESETS, CRFS
from tag2mask.models.weak.motion import motion_labels, moving, residual_motion
from tag2mask.pipeline.synthetic.clips import render_clip


def test_the_camera_is_an_affine_motion_and_the_rest_is_left():
    y, x = np.mgrid[:60, :80]
    flow = np.stack([1.5 + 0.01 * x - 0.02 * y, -0.5 + 0.03 * x], axis=-1)
    flow[20:40, 30:50] += (3.0, -4.0)
    residual = residual_motion(flow)
    assert residual[20:40, 30:50].mean() == pytest.approx(5, abs=0.2)
    residual[20:40, 30:50] = 0
    assert residual.max() < 0.2


def test_a_still_clip_does_not_move():
    image = gaussian_filter(np.random.default_rng(0).random((48, 64, 3)), (1, 1, 0))
    frames = np.repeat((255 * image).astype(np.uint8)[None], 3, axis=0)
    assert moving(frames).max() < 0.05


def test_a_clip_has_a_moving_object():
    clip = render_clip(3, 0)
    assert clip.frames.shape == (*clip.masks.shape, 3)
    assert 0.03 < clip.masks.mean() < 0.4
    centers = [np.argwhere(mask).mean(axis=0) for mask in clip.masks]
    steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    assert steps.min() > 0.5
    again = render_clip(3, 0)
    np.testing.assert_array_equal(again.frames, clip.frames)


def blobs(masks: np.ndarray) -> np.ndarray:
    """A network's probabilities with the place of an object but not its extent."""
    found = []
    for mask in masks:
        where = np.argwhere(mask)
        away = np.indices(mask.shape) - where.mean(axis=0)[:, None, None]
        belief = 0.9 * np.exp(-np.square(away).sum(axis=0) / (0.5 * len(where) / np.pi))
        found.append(np.stack([1 - belief, belief]))
    return np.stack(found).astype(np.float32)


def iou(found: np.ndarray, ground_truth: np.ndarray) -> float:
    return float((found & ground_truth).sum() / (found | ground_truth).sum())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_motion_finds_how_far_an_object_reaches(seed):
    crf = CRFS["numba"](CRF_PRESETS["irn"])
    plain, cued = [], []
    for index in range(3):
        clip = render_clip(index, seed)
        frames, masks = clip.frames[:4], clip.masks[:4]
        beliefs = blobs(masks)
        labels = motion_labels(frames, beliefs, crf, np.random.default_rng(0))
        np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-4)
        cued.append(iou(labels.argmax(axis=1) > 0, masks))
        plain.append(iou(beliefs.argmax(axis=1) > 0, masks))
    assert np.mean(cued) > np.mean(plain) + 0.2
