"""Checkpoints of a training: one safetensors file with weights and optimizer state."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from tag2mask.pipeline.tables.storage import Folder

FILE = "checkpoint.safetensors"


class Checkpoints:
    """The last state of one training, replaced in one step at every save.

    Args:
        uri: A folder of this training alone, outside of the finished model's.
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
        """Keeps everything that the next steps follow from, and the losses, for people."""
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
        """Loads the last state: the steps that are done and the losses.

        Without a state, or with one that a failing disk has damaged, it is the start.
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
        model.load_state_dict(weights)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
        return step, losses

    def steps(self) -> int:
        """How many steps are done in the last state."""
        return int(self._load().get("step", 0))

    def _load(self) -> dict[str, torch.Tensor]:
        try:
            return load(self._folder.read(FILE))
        except (FileNotFoundError, NotADirectoryError, SafetensorError):
            return {}

    def clear(self) -> None:
        """Removes the state once the model is stored."""
        self._folder.remove_all()
