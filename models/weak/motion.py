"""Motion cues on short clips (M-CNN: Tokmakov, Alahari & Schmid, ECCV 2016).

Motion against the background is mostly the object's. The motion of a clip's frames teaches the
object's colors. A network gives the class, and a CRF gives the edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.color import rgb2lab

from tag2mask.models.crf import Crf
from tag2mask.models.weak.mixture import Mixture, fit_mixture

COMPONENTS = 5  # Gaussians of object and background each
SAMPLES = 1500  # pixels of a clip that colors are learnt from
ROUNDS = 4  # iterations of the robust fit of the camera's motion
NOISE = 0.7  # residual flow below this many pixels is not motion
COLORS = 0.5  # weight of the log color odds, because pixels of a region are not independent
DOUBT = 0.15  # share of errors of the motion


def optical_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Dense flow (Farnebäck, SCIA 2003) between images (H, W, 3) uint8: (H, W, 2), x first."""
    first, second = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, after))
    flow = np.zeros((*before.shape[:2], 2), np.float32)
    return np.asarray(cv2.calcOpticalFlowFarneback(first, second, flow, 0.5, 3, 15, 3, 5, 1.2, 0))


def residual_motion(flow: np.ndarray) -> np.ndarray:
    """The speed of places relative to the dominant affine motion, which is the camera's.

    Args:
        flow: (H, W, 2) in pixels.

    Returns:
        (H, W) in pixels.
    """
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width]
    places = np.stack([np.ones(flow[..., 0].size), x.ravel(), y.ravel()], axis=1)
    moved = flow.reshape(-1, 2)
    weights = np.ones(len(moved))
    for _ in range(ROUNDS):
        root = np.sqrt(weights)[:, None]
        camera, *_ = np.linalg.lstsq(places * root, moved * root, rcond=None)
        left = np.linalg.norm(moved - places @ camera, axis=1)
        # Cauchy's weights; the median belongs to the background if this is the larger part.
        weights = 1 / (1 + np.square(left / max(float(np.median(left)), 0.05)))
    return left.reshape(height, width)


def moving(frames: np.ndarray) -> np.ndarray:
    """Probability of every pixel to move by itself.

    Args:
        frames: (F, H, W, 3) uint8 RGB, at least two.

    Returns:
        (F, H, W) float in [0, 1), from the flows to the next frame and to the one before.
    """
    found = np.zeros(frames.shape[:3])
    for one in range(len(frames)):
        for other in {one - 1, one + 1} & {*range(len(frames))}:
            residual = residual_motion(optical_flow(frames[one], frames[other]))
            # At an occlusion one flow is wrong and the other is right.
            moves = 1 - np.exp(-np.square(residual / (2 * NOISE)))
            found[one] = moves if not found[one].any() else np.minimum(found[one], moves)
    return found


def color_odds(frames: np.ndarray, motion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The evidence of a pixel's color for the object, by the clip's two mixtures of colors.

    Args:
        frames: (F, H, W, 3) uint8 RGB.
        motion: (F, H, W) in [0, 1].
        rng: Draws pixels.

    Returns:
        (F, H, W) log p(color | object) - log p(color | background).
    """
    colors = rgb2lab(frames).reshape(-1, 3)
    chosen = rng.choice(len(colors), min(SAMPLES, len(colors)), replace=False)
    share = motion.ravel()[chosen]
    models: list[Mixture] = [
        fit_mixture(colors[chosen], weights + 1e-6, COMPONENTS, rng)
        for weights in (share, 1 - share)
    ]
    inside, outside = (model.log_density(colors) for model in models)
    return (inside - outside).reshape(motion.shape)


def motion_labels(
    frames: np.ndarray, beliefs: np.ndarray, crf: Crf, rng: np.random.Generator
) -> np.ndarray:
    """The pseudo-labels of a clip: motion, colors and a network's probabilities, along edges.

    Args:
        frames: (F, H, W, 3) uint8 RGB.
        beliefs: (F, 1 + T, H, W) probabilities of the network: background and the clip's tags.
        crf: Aligns the labels with edges.
        rng: Draws pixels.

    Returns:
        (F, 1 + T, H, W) probabilities. Tags share the object's evidence in proportion to the
        network's probabilities.
    """
    motion = moving(frames)
    trusted = DOUBT + (1 - 2 * DOUBT) * motion
    evidence = COLORS * color_odds(frames, motion, rng) + np.log(trusted / (1 - trusted))
    logits = np.log(np.clip(beliefs, 1e-4, 1))
    logits[:, 1:] += evidence[:, None]
    logits -= logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return np.stack(crf(list(frames), list(probabilities.astype(np.float32))))
