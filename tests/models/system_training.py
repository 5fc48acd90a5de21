"""A minimal training of a system, without checkpoints or threads."""

from collections.abc import Callable

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System
from tag2mask.pipeline.systems.ema import Averaged


def train(
    system: System, batches: Callable[[int], Batch], steps: int, average: float = 0.0
) -> dict[str, float]:
    """Trains a system in place and leaves it in evaluation mode.

    Args:
        system: Its weights are drawn again from a fixed seed by whoever builds it.
        batches: A step's batch.
        steps: How many.
        average: Decay of the moving average of the networks that have one; 0 for none.

    Returns:
        The last terms of the losses, by optimizer step and name.
    """
    system.train()
    averaged = Averaged(system, average)
    names = {name for update in system.optimizer_steps() for name in update.networks}
    groups = [
        {"params": list(system.get_submodule(name).parameters()), "name": name} for name in names
    ]
    optimizer = torch.optim.Adam(groups)
    terms: dict[str, Tensor] = {}
    for step in range(steps):
        batch = batches(step)
        for number, update in enumerate(system.optimizer_steps()):
            rate = update.rate(step / steps)
            rng = torch.Generator().manual_seed(1000 * step + number)
            losses = {} if rate is None else system.losses(update.name, batch, rng)
            if not losses:
                continue
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            for group in optimizer.param_groups:
                if group["name"] in update.networks:
                    group["lr"], group["betas"] = rate, update.betas
                else:  # gradients that reached them belong to another optimizer step
                    for parameter in group["params"]:
                        parameter.grad = None
            optimizer.step()
            terms |= {f"{update.name}.{name}": value.detach() for name, value in losses.items()}
        averaged.update(step + 1)
    averaged.use()
    system.eval()
    return {name: value.item() for name, value in terms.items()}
