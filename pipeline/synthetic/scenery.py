"""Cluttered backgrounds of all colors and several textures, for generated images."""

from __future__ import annotations

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw

Array = np.ndarray
Draw = np.random.Generator


def background(height: int, width: int, random: Draw) -> Array:
    """Draw a scene (H, W, 3) of one of four kinds: clouds, a horizon, wood, stones."""
    family = random.integers(4)
    colors = np.stack([_any_color(random, 0.65) for _ in range(3)])
    coarse = noise(height, width, 2, random, stretch=6 if family == 2 else 1)
    fine = noise(height, width, 8, random)
    if family == 0:
        blend = 0.7 * coarse + 0.3 * fine
    elif family == 1:
        slope = ramp(height, width, random) + random.uniform(-0.4, 0.4)
        blend = np.clip(0.5 + 4 * slope + 1.5 * (fine - 0.5), 0, 1)
    elif family == 2:
        blend = 0.5 + 0.5 * np.sin(random.uniform(12, 30) * coarse)
    else:
        blend = 0.85 * _stones(height, width, random) + 0.15 * fine
    patches = random.uniform(0, 1) * np.clip(2 * fine - 0.9, 0, 1)
    scene = colors[0] + (colors[1] - colors[0]) * blend[..., None]
    scene += (colors[2] - scene) * patches[..., None]
    return scene * (0.75 + 0.5 * fine[..., None])


def clutter(scene: Array, random: Draw) -> Array:
    """Add strokes and small plain shapes to a scene (H, W, 3), clipped to [0, 1]."""
    image = Image.fromarray((np.clip(scene, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(random.integers(6, 22)):
        tint = tuple(int(c * 255) for c in _any_color(random, 0.9))
        center = random.uniform(0, (width, height))
        radius = random.uniform(2, 11)
        kind = random.integers(4)
        if kind == 0:
            draw.ellipse((*(center - radius), *(center + radius)), fill=tint)
        elif kind == 1:
            corners = center + random.uniform(-radius, radius, (int(random.integers(3, 6)), 2))
            draw.polygon([tuple(corner) for corner in corners], fill=tint)
        else:
            steps = center + np.cumsum(random.normal(0, 14, (5, 2)), axis=0)
            draw.line(
                [tuple(step) for step in steps], tint, int(random.integers(1, 5)), joint="curve"
            )
    return np.array(image, np.float32) / 255


def noise(height: int, width: int, cells: int, random: Draw, stretch: int = 1) -> Array:
    """Draw fractal noise (H, W) in [0, 1]: a sum of random grids, finer ones with less weight.

    Args:
        height: H in pixels.
        width: W in pixels.
        cells: Number of cells of the coarsest grid along each side.
        random: Random generator.
        stretch: Ratio of a cell's height to its width.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(3):
        shape = (cells * 2**octave + 1, cells * stretch * 2**octave + 1)
        grid = Image.fromarray(random.random(shape, np.float32) - 0.5)
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    return np.clip(0.5 + 0.75 * total, 0, 1)


def ramp(height: int, width: int, random: Draw) -> Array:
    """Draw a slope (H, W) from -1 to 1 in a random direction."""
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    return ((math.cos(angle) * x + math.sin(angle) * y) / math.sqrt(2)).astype(np.float32)


def color(hue: float, saturation: float, value: float) -> Array:
    """Convert hue (in turns), saturation and value to RGB (3,) in [0, 1]; cap the value at 1."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, min(value, 1)), np.float32)


def _stones(height: int, width: int, random: Draw) -> Array:
    """A mosaic of cells around random points, each with its own shade."""
    points = random.uniform(0, 1, (int(random.integers(15, 50)), 2)) * (height, width)
    y, x = np.mgrid[:height:2, :width:2].astype(np.float32)
    nearest = ((y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2).argmin(-1)
    shades = random.random(len(points)).astype(np.float32)[nearest]
    return np.kron(shades, np.ones((2, 2), np.float32))[:height, :width]


def _any_color(random: Draw, saturation: float) -> Array:
    return color(random.random(), random.uniform(0.05, saturation), random.uniform(0.2, 0.95))
