"""Figures of transforming systems on textured scenes, each against a trivial baseline.

The tests train for a minute or so; the benchmark trains longer.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from skimage.measure import label, regionprops
from torch import Tensor
from torchvision.ops import box_iou

from tag2mask.models.transformation import TRANSFORMERS
from tag2mask.models.transformation.color_spaces import luminance, to_lab
from tag2mask.models.transformation.colorization import RANGE
from tag2mask.models.transformation.edges import edges
from tests.models.scenes import CLASSES, scenes, seen_colors, seen_textures
from tests.models.system_training import train

BATCH = 8
TRAINED, TESTED = 400, 32  # scenes
VISIBLE = 60  # pixels of a region that a detector should find

Figures = dict[str, float]
Batch = dict[str, Tensor]


def trained(name: str, steps: int, seed: int, size: int = 64, **settings: Any) -> Any:
    """A member that was trained on scenes, in evaluation mode."""
    data = scenes(TRAINED, seed=10 + seed, size=size)

    def batch(step: int) -> Batch:
        rows = torch.randint(TRAINED, (BATCH,), generator=seeded(step))
        return {key: values[rows] for key, values in data.items()}

    member = TRANSFORMERS[name]
    torch.manual_seed(seed)
    system = member(
        member.settings_type.model_validate({"size": size, "classes": CLASSES, **settings})
    )
    train(system, batch, steps)
    return system


def seeded(seed: int = 0) -> torch.Generator:
    """A generator."""
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def figures(name: str, system: Any) -> Figures:
    """The figures of a trained system on new scenes."""
    return MEASURES[name](system, scenes(TESTED, seed=2, size=system.settings.size))


def super_resolution(system: Any, batch: Batch) -> Figures:
    """PSNR of the luminance, in dB."""
    small, true = system.reduced(batch["image"])
    made = system.transform({"image": small}, seeded())
    return {
        "system": _psnr(luminance(made), luminance(true)),
        "bicubic": _psnr(luminance(system.enlarged(small)), luminance(true)),
    }


def colorization(system: Any, batch: Batch) -> Figures:
    """Gain in a* and b* over gray, in dB; the share of things that get their class's color."""
    lab = to_lab(batch["image"])
    colors, tags = system(lab[:, :1])
    error = (RANGE * colors - lab[:, 1:]).square().mean()
    true, seen = seen_colors(system.transform(batch, seeded()), batch["mask"])
    return {
        "gain": float(10 * torch.log10(lab[:, 1:].square().mean() / error)),
        "colors": _share(true == seen),
        "tags": _share((tags > 0) == (batch["tags"] > 0)),
    }


def flow(system: Any, batch: Batch) -> Figures:
    """Mean endpoint error in pixels; zero's is that of standing still."""
    frames = system.frames(batch, seeded())
    error = system.flow(frames.first, frames.second) - frames.flow
    return {
        "system": float(error.norm(dim=1).mean()),
        "zero": float(frames.flow.norm(dim=1).mean()),
    }


def depth(system: Any, batch: Batch) -> Figures:
    """Root mean squared error of the nearness; the constant is the best one."""
    pair = system.pair(batch, seeded())
    true = -pair.flow[:, :1] / system.settings.reach
    error = system.nearness(pair.first) - true
    return {"system": float(error.square().mean().sqrt()), "constant": float(true.std())}


def inpainting(system: Any, batch: Batch) -> Figures:
    """Mean absolute error in holes whose ground truth is known; how colorful objects are, and where
    they have been removed."""
    known = system.exercise(batch)
    hole = system.given(known)[:, 3:]
    outside = (batch["image"] * (1 - hole)).sum(dim=(2, 3), keepdim=True)
    mean = outside / (1 - hole).sum(dim=(2, 3), keepdim=True)

    def error(made: Tensor) -> float:
        return float(((made - batch["image"]).abs() * hole).sum() / (3 * hole.sum()))

    def colorful(images: Tensor) -> float:
        spread = images.amax(dim=1) - images.amin(dim=1)
        return float(spread[batch["mask"] > 0].mean())

    return {
        "system": error(system.transform(known, seeded())),
        "mean": error(mean),
        "objects": colorful(batch["image"]),
        "removed": colorful(system.transform(batch, seeded())),
    }


def photo(system: Any, batch: Batch) -> Figures:
    """The share of things with the color and with the texture of their class."""
    made = system.transform(batch, seeded())
    pairs = {"colors": seen_colors, "textures": seen_textures}
    return {name: _share(torch.eq(*seen(made, batch["mask"]))) for name, seen in pairs.items()} | {
        "chance": 1 / CLASSES
    }


def ubernet(system: Any, batch: Batch) -> Figures:
    """One figure for each task: overlaps, the share of boxes found, correlations."""
    says, mask = system(batch["image"]), batch["mask"]
    tasks = system.tasks
    found: Figures = {}
    if "segmentation" in tasks:
        labels = says["segmentation"].argmax(dim=1)
        overlaps = [_iou(labels == k, mask == k) for k in range(CLASSES + 1)]
        found["segmentation"] = sum(overlaps) / len(overlaps)
    if "saliency" in tasks:
        found["saliency"] = _iou(says["saliency"].squeeze(1) > 0, mask > 0)
    if "boundary" in tasks:
        planes = mask.unsqueeze(1) == torch.arange(1, CLASSES + 1).view(1, -1, 1, 1)
        eroded = -torch.nn.functional.max_pool2d(-planes.float(), 3, 1, 1)
        boundary = torch.nn.functional.max_pool2d(planes.float(), 3, 1, 1) - eroded
        found["boundary"] = _correlation(says["boundary"].sigmoid(), boundary)
    if "edges" in tasks:
        found["edges"] = _correlation(says["edges"].sigmoid(), edges(batch["image"]))
    if "detection" in tasks:
        boxes = tasks["detection"].boxes(says["detection"])
        hits = [
            any(box_iou(b.corners[b.labels == k], corners).flatten() > 0.5)
            for b, image in zip(boxes, mask, strict=True)
            for k, corners in _regions(image)
        ]
        found["detection"] = sum(hits) / len(hits)
    return found


MEASURES: dict[str, Callable[[Any, Batch], Figures]] = {
    "colorization": colorization,
    "depth": depth,
    "edges_to_photo": photo,
    "flow_correlation": flow,
    "flow_simple": flow,
    "inpainting": inpainting,
    "mask_to_photo": photo,
    "super_resolution": super_resolution,
    "ubernet": ubernet,
}


def _regions(mask: Tensor) -> Iterator[tuple[int, Tensor]]:
    for value in range(1, CLASSES + 1):
        for region in regionprops(label((mask == value).numpy(), connectivity=1)):
            if region.area >= VISIBLE:
                top, left, bottom, right = region.bbox
                yield value, torch.tensor([[left, top, right, bottom]], dtype=torch.float32)


def _psnr(made: Tensor, true: Tensor) -> float:
    errors = (made - true).square().mean(dim=(1, 2, 3)) / 4
    return float(-10 * errors.log10().mean())


def _iou(seen: Tensor, true: Tensor) -> float:
    return float((seen & true).sum() / (seen | true).sum())


def _correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def _share(hits: Tensor) -> float:
    return float(hits.float().mean())
