"""The permutohedral lattice of five features: position and color (Adams, Baek & Davis, 2010).

A pixel's features (x, y, red, green, blue), each divided by its width, are lifted into the
hyperplane of six coordinates that sum to zero. Each simplex there has six corners. A filter splats
values to corners by barycentric weights, blurs along the six lattice directions, and slices at the
same places.

The key of a corner is linear in its coordinates, modulo 2^64. So a step to a neighbor is an
addition, and the upper bits serve as a hash. The multipliers are powers of a number with good
lattice structure (Knuth's MMIX), so that two corners of one image have different keys.
"""

from __future__ import annotations

import math

import numpy as np

FEATURES = 5
CORNERS = FEATURES + 1

# Factors of the features. With them, splatting, blurring and slicing have the variance of the
# features' unit in total (section 3 of the paper; the factor is sqrt(2/3) (d + 1)).
LIFT = np.array(
    [math.sqrt(2 / 3) * CORNERS / math.sqrt((i + 1) * (i + 2)) for i in range(FEATURES)],
    np.float32,
)

# Gain of the blur with (1/2, 1, 1/2) along six directions, as in the authors' code.
GAIN = 1 / (1 + 2.0**-FEATURES)


def _wrapped(value: int) -> int:
    """An integer as the signed 64-bit number with the same low bits."""
    return (value + 2**63) % 2**64 - 2**63


def _powers(count: int) -> list[int]:
    multiplier = 6364136223846793005
    return [pow(multiplier, power, 2**64) for power in range(1, count + 1)]


# Multipliers of a corner's coordinates; the last coordinate follows from the others.
KEY_FACTORS = np.array([*map(_wrapped, _powers(FEATURES)), 0], np.int64)

# Steps from a corner to its neighbor along direction i, which also connect the corners of a
# simplex. Every coordinate grows by one, and coordinate i falls by five.
KEY_STEPS = np.array(
    [_wrapped(sum(_powers(FEATURES)) - CORNERS * int(factor)) for factor in KEY_FACTORS], np.int64
)

# Separates the corners of different images of a batch.
IMAGE_FACTOR = _wrapped(_powers(CORNERS)[-1])
