"""Procedural textures as styles, and trainings that are short enough for a test."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tag2mask.models.system import Batch
from tag2mask.models.transformation import TransformingSystem
from tag2mask.pipeline.synthetic.scenery import background, clutter, color


def images(count: int, size: int, seed: int) -> Tensor:
    """Cluttered scenes (N, 3, size, size) in [-1, 1]."""
    random = np.random.default_rng(seed)
    drawn = [clutter(background(size, size, random), random) for _ in range(count)]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2) * 2 - 1


def styles(count: int, size: int, seed: int) -> Tensor:
    """Textures of two colors: stripes, checks, waves or a grid, (N, 3, size, size)."""
    random = np.random.default_rng([seed, 1])
    return torch.from_numpy(np.stack([_style(size, random) for _ in range(count)]))


def _style(size: int, random: np.random.Generator) -> np.ndarray:
    first, second = (
        color(random.random(), random.uniform(0.05, 0.95), random.uniform(0.2, 0.95))
        for _ in range(2)
    )
    y, x = np.mgrid[:size, :size] / 8
    angle, pitch = random.uniform(0, np.pi), random.uniform(1.5, 5)
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    waves = (
        np.sin(pitch * u),
        np.sin(pitch * u) * np.sin(pitch * v),
        np.sin(pitch * u + 2 * np.sin(pitch * v / 2)),
        np.maximum(np.sin(pitch * u), np.sin(pitch * v)) - 0.5,
    )
    share = (1.5 * waves[random.integers(4)] + 0.5).clip(0, 1)
    texture = first[:, None, None] * share + second[:, None, None] * (1 - share)
    grain = random.normal(0, 0.02, texture.shape)
    return ((texture + grain).clip(0, 1) * 2 - 1).astype(np.float32)


def train(
    system: TransformingSystem,
    batch_of: Callable[[torch.Generator], Batch],
    steps: int,
    rate: float,
) -> None:
    """Trains a system of one step in place, the learning rate falling in the second half."""
    (update,) = system.optimizer_steps()
    rng = torch.Generator().manual_seed(0)
    parameters = [p for name in update.networks for p in getattr(system, name).parameters()]
    optimizer = torch.optim.Adam(parameters, rate)
    system.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 - 2 * step / steps)
        losses = system.losses(update.name, batch_of(rng), rng)
        optimizer.zero_grad()
        torch.stack([*losses.values()]).sum().backward()
        optimizer.step()
    system.eval()
