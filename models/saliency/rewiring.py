"""Copies of networks whose layers have another backward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def rewired(
    network: Network,
    kinds: tuple[type[nn.Module], ...],
    make: Callable[[nn.Module], nn.Module],
) -> Network:
    """A frozen copy of a network in evaluation mode with some layers replaced.

    Args:
        network: Any network whose layers of those kinds are modules inside it.
        kinds: The classes of the layers to replace.
        make: Makes the new layer from the old one.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    # Duplicates too, because a layer with two names would stay as it is under the second name.
    for name, module in [*copied.named_modules(remove_duplicate=False)]:
        if isinstance(module, kinds):
            copied.set_submodule(name, make(module))
    return copied
