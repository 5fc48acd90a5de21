"""Generated images with ground truth masks: a small but fair problem for labeling from tags.

There are five classes of objects: a striped ball, a dotted dice, a checkered tent, a star with
rays and a ring in segments. Each is defined by its shape together with its texture and range of
colors. The cluttered backgrounds have all colors and are independent of the objects. Neither color
nor outline alone identifies a class: the clutter has the same colors, and plain discs, triangles
and rectangles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import encode_mask
from tag2mask.pipeline.synthetic.scenery import background, clutter, color, noise, ramp
from tag2mask.pipeline.tables.new_folder import new_folder

FEWEST = 10  # so many that every class is in the train split
SHORT_SIDE, LONG_SIDE = 128, 160
SIMPLE_SHARE = 0.7
SMALLEST_AREA = 0.04  # smallest visible share of the image for an object with a tag

Array = np.ndarray
Draw = np.random.Generator


@dataclass(frozen=True)
class Thing:
    """A class of objects, in its own coordinates (u, v) with a radius of about 1.

    Args:
        area: Area of the shape in these coordinates.
        distance: Function of (u, v): signed distance from the outline, negative inside.
        texture: Function of (u, v, random): share of the second color, in [0, 1].
        hue: Hue of the first color, in [0, 1].
        second: Hue, saturation and value of the second color.
    """

    area: float
    distance: Callable[[Array, Array], Array]
    texture: Callable[[Array, Array, Draw], Array]
    hue: float
    second: tuple[float, float, float]


def _edge(wave: Array, sharpness: float = 6) -> Array:
    """Turn a wave around zero into nearly sharp edges between 0 and 1."""
    return np.clip(wave * sharpness + 0.5, 0, 1)


def _disc(u: Array, v: Array) -> Array:
    return np.hypot(u, v) - 1


def _square(u: Array, v: Array) -> Array:
    return np.cbrt(np.hypot(u * u * u, v * v * v)) - 1


def _annulus(u: Array, v: Array) -> Array:
    return np.abs(np.hypot(u, v) - 0.76) - 0.24


def _triangle(u: Array, v: Array) -> Array:
    return np.maximum(v, np.abs(u) * math.sqrt(0.75) - v / 2) - 0.5


def _star(u: Array, v: Array) -> Array:
    """A star of five points, folded into one tenth and bounded by the line from tip to notch."""
    fold = 2 * math.pi / 5
    angle = np.abs(np.mod(np.arctan2(v, u), fold) - fold / 2)
    radius = np.hypot(u, v)
    tip = np.array([1.0, 0.0])
    notch = 0.55 * np.array([math.cos(fold / 2), math.sin(fold / 2)])
    normal = np.array([notch[1] - tip[1], tip[0] - notch[0]])
    normal /= np.hypot(*normal)
    return radius * (np.cos(angle) * normal[0] + np.sin(angle) * normal[1]) - normal @ tip


def _stripes(u: Array, v: Array, random: Draw) -> Array:
    return _edge(np.sin(random.uniform(6, 10) * (u + 0.15 * v**2) + random.uniform(0, 6)))


def _dots(u: Array, v: Array, random: Draw) -> Array:
    pitch = random.uniform(6, 9)
    return _edge(np.cos(pitch * u) + np.cos(pitch * v) - random.uniform(0.5, 0.9))


def _segments(u: Array, v: Array, random: Draw) -> Array:
    return _edge(np.sin(random.integers(4, 8) * np.arctan2(v, u)))


def _checks(u: Array, v: Array, random: Draw) -> Array:
    pitch = random.uniform(7, 11)
    return _edge(np.sin(pitch * u) * np.sin(pitch * v), 10)


def _rays(u: Array, v: Array, random: Draw) -> Array:
    rays = np.cos(random.integers(3, 5) * 5 * np.arctan2(v, u))
    return _edge(np.where(np.hypot(u, v) < 0.22, 1, rays))


THINGS = {
    "ball": Thing(math.pi, _disc, _stripes, 0.01, (0.10, 0.15, 0.95)),
    "dice": Thing(3.8, _square, _dots, 0.62, (0.55, 0.10, 0.95)),
    "ring": Thing(2.3, _annulus, _segments, 0.84, (0.80, 0.25, 0.25)),
    "star": Thing(1.6, _star, _rays, 0.14, (0.06, 0.85, 0.55)),
    "tent": Thing(1.3, _triangle, _checks, 0.38, (0.20, 0.45, 0.90)),
}
CLASSES = tuple(THINGS)


def write_sample(directory: str | Path, images: int, seed: int) -> list[str]:
    """Write a folder of generated images: tags.csv, JPEGImages, SegmentationClass.

    ``classes.txt`` lists the class names by pixel value from 1. About 70 % of the images show one
    class, the others two or three. Every fifth image is in the split ``dev``, the rest in
    ``train``. The folder appears only when it is complete. A second call with the same arguments
    changes nothing, and a larger number begins with the same images.

    Args:
        directory: A local folder that does not exist or is empty.
        images: Number of images, at least 10.
        seed: Random seed, not negative.

    Returns:
        The class names in the order of their pixel values.

    Raises:
        UserError: If there are too few images, the folder has other content, or it cannot
            be written.
    """
    if images < FEWEST or seed < 0:
        raise UserError(
            f"cannot generate {images} images with the seed {seed}: give at least {FEWEST} images "
            "and a seed from 0"
        )
    listed, table = Path(directory) / "tags.csv", _table(images, seed)
    if not (listed.is_file() and listed.read_text() == table):
        with new_folder(directory) as folder:
            _write(folder, images, seed)
            (folder / "tags.csv").write_text(table)
    return list(CLASSES)


class SyntheticImage(NamedTuple):
    """A generated image.

    Args:
        image: RGB image with sides of 128 to 160 pixels.
        mask: (H, W) uint8, 0 for background and k for ``CLASSES[k - 1]``.
        tags: The classes of the mask, sorted.
        quality: JPEG quality for the image's file.
    """

    image: Image.Image
    mask: Array
    tags: tuple[str, ...]
    quality: int


def render(index: int, seed: int) -> SyntheticImage:
    """Render one image; it does not depend on the number of images.

    Args:
        index: Number of the image.
        seed: Random seed.
    """
    random = _random(index, seed)
    tags = _tags(index, random)
    sides = [SHORT_SIDE, int(random.integers(SHORT_SIDE, LONG_SIDE + 1))]
    height, width = sides if random.random() < 0.7 else sides[::-1]
    placed, mask = _arrange(tags, height, width, random)
    scene = clutter(background(height, width, random), random)
    grain = noise(height, width, 3, random)
    for name, u, v, distance in placed:
        scene = _paint(scene, THINGS[name], u, v, distance, grain, random)
    scene *= 1 + random.uniform(0, 0.25) * ramp(height, width, random)[..., None]
    scene += random.uniform(0.005, 0.03) * random.standard_normal(scene.shape, np.float32)
    image = Image.fromarray((np.clip(scene, 0, 1) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.7)))
    return SyntheticImage(image, mask, tags, quality=int(random.integers(60, 96)))


def _write(folder: Path, images: int, seed: int) -> None:
    for name in ("JPEGImages", "SegmentationClass"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    for index in range(images):
        sample = render(index, seed)
        sample.image.save(folder / "JPEGImages" / f"{index:06d}.jpg", quality=sample.quality)
        mask = encode_mask(sample.mask)
        (folder / "SegmentationClass" / f"{index:06d}.png").write_bytes(mask)


def _table(images: int, seed: int) -> str:
    lines = ["file,tags,split"]
    for index in range(images):
        tags = "|".join(_tags(index, _random(index, seed)))
        lines.append(f"{index:06d}.jpg,{tags},{'dev' if index % 5 == 4 else 'train'}")
    return "\n".join(lines) + "\n"


def _random(index: int, seed: int) -> Draw:
    return np.random.default_rng([seed, index])


def _tags(index: int, random: Draw) -> tuple[str, ...]:
    """Draw the classes of an image, sorted; both splits have all classes equally often."""
    count = 1 if random.random() < SIMPLE_SHARE else int(random.integers(2, 4))
    first = (index + index // 5) % len(CLASSES)
    others = [k for k in range(len(CLASSES)) if k != first]
    chosen = [first, *random.choice(others, count - 1, replace=False)]
    return tuple(CLASSES[k] for k in sorted(chosen))


Placed = list[tuple[str, Array, Array, Array]]


def _arrange(tags: tuple[str, ...], height: int, width: int, random: Draw) -> tuple[Placed, Array]:
    """Arrange objects, in the order in which they cover each other, so that all are visible."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    names = list(tags)
    if len(tags) == 1 and random.random() < 0.15:
        names *= 2
    while True:
        placed: Placed = []
        mask = np.zeros((height, width), np.uint8)
        for name in random.permutation(names):
            share = random.uniform(0.10, 0.40 if len(names) == 1 else 0.20)
            scale = math.sqrt(share * height * width / THINGS[name].area)
            stretch = random.uniform(0.88, 1.14)
            angle = random.uniform(0, 2 * math.pi)
            dx = (x - width * random.uniform(0.2, 0.8)) / scale
            dy = (y - height * random.uniform(0.2, 0.8)) / scale
            u = (math.cos(angle) * dx + math.sin(angle) * dy) * stretch
            v = (math.cos(angle) * dy - math.sin(angle) * dx) / stretch
            distance = THINGS[name].distance(u, v) * scale
            placed.append((str(name), u, v, distance))
            mask[distance < 0] = CLASSES.index(name) + 1
        seen = np.bincount(mask.ravel(), minlength=len(CLASSES) + 1) / mask.size
        needed = 0.10 if len(names) == 1 else SMALLEST_AREA
        if all(seen[CLASSES.index(name) + 1] >= needed for name in tags):
            return placed, mask


def _paint(
    scene: Array, thing: Thing, u: Array, v: Array, distance: Array, grain: Array, random: Draw
) -> Array:
    down, right = random.integers(2, 6, 2)
    shadow = 0.45 * np.clip(0.5 - distance[:-down, :-right] / 6, 0, 1)
    scene[down:, right:] *= 1 - shadow[..., None]
    first = color(thing.hue + random.normal(0, 0.025), *random.uniform((0.55, 0.6), (0.95, 1)))
    hue, saturation, value = thing.second
    second = color(hue + random.normal(0, 0.03), saturation, value * random.uniform(0.8, 1.1))
    mix = thing.texture(u, v, random)[..., None]
    skin = first + (second - first) * mix
    light = random.uniform(0.7, 1.1) + random.uniform(0, 0.3) * (u + v) / 1.5
    skin *= (light * (0.8 + 0.4 * grain))[..., None]
    return scene + (skin - scene) * np.clip(0.5 - distance, 0, 1)[..., None]
