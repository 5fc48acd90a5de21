"""Checkpoints of a training: one safetensors file with weights and optimizer state."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from tag2mask.pipeline.tables.storage import Folder

FILE = "checkpoint.safetensors"
_LOG = logging.getLogger("tag2mask")


class Checkpoints:
    """The last state of one training, replaced in one step at every save.

    Args:
        uri: A folder for this training alone, outside of the finished model's folder.
    """

    def __init__(self, uri: str) -> None:
        self._folder = Folder(uri)
        self.uri = self._folder.uri

    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        step: int,
        losses: Mapping[str, float],
    ) -> None:
        """Stores everything that the next steps follow from, and the smoothed losses."""
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
        tensors["step"] = torch.tensor(step)
        for name, value in losses.items():
            tensors[f"loss.{name}"] = torch.tensor(value, dtype=torch.float64)
        self._folder.write(FILE, save({name: v.contiguous() for name, v in tensors.items()}))

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[int, dict[str, float]]:
        """Loads the last state.

        Training starts from the beginning where there is no state, and where a failing disk has
        damaged it. It also does, with a warning, where another version kept the state of other
        layers.

        Returns:
            The number of steps that are done and the losses.
        """
        tensors = self._load()
        if not tensors:
            return 0, {}
        step = int(tensors.pop("step"))
        losses, weights, states = {}, {}, dict[int, dict[str, torch.Tensor]]()
        for name, value in tensors.items():
            owner, _, rest = name.partition(".")
            if owner == "model":
                weights[rest] = value
            elif owner == "loss":
                losses[rest] = float(value)
            else:
                index, _, slot = rest.partition(".")
                states.setdefault(int(index), {})[slot] = value
        if not (_fits_model(weights, model) and _fits_optimizer(states, optimizer)):
            _LOG.warning("%s holds the state of other layers: training starts again", self.uri)
            return 0, {}
        model.load_state_dict(weights)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
        return step, losses

    def steps(self) -> int:
        """The number of steps that are done in the last state."""
        return int(self._load().get("step", 0))

    def _load(self) -> dict[str, torch.Tensor]:
        try:
            return load(self._folder.read(FILE))
        except (FileNotFoundError, NotADirectoryError, SafetensorError):
            return {}

    def clear(self) -> None:
        """Removes the state once the model is stored."""
        self._folder.remove_all()


def _fits_model(weights: Mapping[str, torch.Tensor], model: nn.Module) -> bool:
    """Whether weights have the names and shapes of a model's."""
    expected = {name: value.shape for name, value in model.state_dict().items()}
    return {name: value.shape for name, value in weights.items()} == expected


def _fits_optimizer(
    states: Mapping[int, Mapping[str, torch.Tensor]], optimizer: torch.optim.Optimizer
) -> bool:
    """Whether all state tensors but step counters have the shapes of their parameters."""
    shapes = [value.shape for group in optimizer.param_groups for value in group["params"]]
    return all(
        index < len(shapes)
        and all(value.dim() == 0 or value.shape == shapes[index] for value in state.values())
        for index, state in states.items()
    )
