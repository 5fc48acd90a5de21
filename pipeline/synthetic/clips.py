"""Short generated clips of an object that moves over a panning background, with ground truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tag2mask.pipeline.synthetic.images import render
from tag2mask.pipeline.synthetic.scenery import background, clutter

FRAMES = 6
SIDE = 112
SPEED = (2.0, 4.0)  # speed of the object, in pixels for each frame
PAN = 1.5  # largest speed of the camera, in pixels for each frame


class Clip(NamedTuple):
    """A clip of one object.

    Attributes:
        frames: (F, H, W, 3) uint8 RGB.
        masks: (F, H, W) bool, the object's pixels.
    """

    frames: np.ndarray
    masks: np.ndarray


def render_clip(index: int, seed: int) -> Clip:
    """Render one clip: an object of a generated image with one tag, cut out and in motion.

    Args:
        index: Number of the clip.
        seed: Random seed.
    """
    random = np.random.default_rng([seed, index, 1])
    number = index
    while len((sample := render(number, seed)).tags) > 1:
        number += 1000
    image, mask = np.array(sample.image), sample.mask > 0
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    thing = Image.fromarray(np.dstack([image[box], 255 * mask[box].astype(np.uint8)]))
    thing.thumbnail((SIDE // 2, SIDE // 2))
    margin = round(PAN * FRAMES) + 1
    side = SIDE + 2 * margin
    scene = np.clip(clutter(background(side, side, random), random), 0, 1)
    canvas = Image.fromarray((255 * scene).astype(np.uint8))
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(*SPEED)
    step = speed * np.array([np.cos(angle), np.sin(angle)])
    pan = random.uniform(-PAN, PAN, 2)
    middle = (SIDE - np.array(thing.size)) / 2 + random.uniform(-6, 6, 2)
    frames, masks = [], []
    for frame in range(FRAMES):
        time = frame - (FRAMES - 1) / 2
        left, top = np.round(margin + pan * time).astype(int)
        shown = canvas.crop((left, top, left + SIDE, top + SIDE))
        across, down = np.round(middle + step * time).astype(int).tolist()
        place = (across, down)
        shown.paste(thing, place, thing.getchannel("A"))
        cover = Image.new("L", shown.size)
        cover.paste(thing.getchannel("A"), place)
        noise = random.normal(0, 3, (SIDE, SIDE, 3))
        frames.append(np.clip(np.array(shown) + noise, 0, 255).astype(np.uint8))
        masks.append(np.array(cover) > 127)
    return Clip(np.stack(frames), np.stack(masks))
