"""A system together with the moving average of the networks that are used after training."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from tag2mask.models.system import System


class Averaged(nn.Module):
    """A system, and the exponential moving average of some of its networks.

    An average smooths the oscillation of a generator (Yazici et al., ICLR 2019). Its decay
    grows with the steps, so that the start is forgotten fast.

    Args:
        system: Trained in place.
        decay: Share of the average that is kept at each step, after many steps.
    """

    def __init__(self, system: System, decay: float) -> None:
        super().__init__()
        self.system = system
        self.decay = decay
        self.averages = nn.ModuleList(
            copy.deepcopy(system.get_submodule(name)) for name in system.averaged
        )
        self.averages.requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Adds the networks after a step, numbered from 1, to the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, average in self._by_name():
            network = self.system.get_submodule(name)
            for kept, weight in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(weight, 1 - decay)
            for state, value in zip(average.buffers(), network.buffers(), strict=True):
                state.copy_(value)

    def use(self) -> None:
        """Replaces the weights of the networks by the averages."""
        for name, average in self._by_name():
            self.system.get_submodule(name).load_state_dict(average.state_dict())

    @contextmanager
    def in_use(self) -> Iterator[System]:
        """The system with the averaged networks, ready for use inside of the block."""
        self._swap()
        self.system.eval()
        try:
            yield self.system
        finally:
            self._swap()
            self.system.train()

    def _swap(self) -> None:
        networks = [self.system.get_submodule(name) for name in self.system.averaged]
        for name, average in self._by_name():
            self.system.set_submodule(name, average)
        self.averages = nn.ModuleList(networks)

    def _by_name(self) -> Iterator[tuple[str, nn.Module]]:
        return zip(self.system.averaged, self.averages, strict=True)
