"""Generated images for DenseCRFs."""

import numpy as np


def scene(height: int, width: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image of vertical bands and probabilities that know the bands vaguely."""
    random = np.random.default_rng(seed)
    band = np.broadcast_to(np.arange(width) * labels // width, (height, width))
    colors = random.integers(0, 256, (labels, 3))
    image = np.clip(colors[band] + random.normal(0, 8, (height, width, 3)), 0, 255)
    probabilities = random.random((labels, height, width)) + 0.6 * (
        band == np.arange(labels)[:, None, None]
    )
    return image.astype(np.uint8), (probabilities / probabilities.sum(0)).astype(np.float32)
