"""One backbone for all tasks against a net for each: ``python -m tests.benchmarks.ubernet``.

Both are trained on 400 generated scenes and measured on 32 others, by the figures of
``tests/models/transformation/figures.py``. One thread.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from tag2mask.models.transformation.tasks import TASKS
from tests.models.transformation.figures import figures, trained
from tests.models.transformation.test_figures import SHORT


def parameters(system: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(parameter.numel() for parameter in system.parameters())


def main() -> None:
    """Prints a line for each task, and one for the parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    _, settings = SHORT["ubernet"]
    joint = trained("ubernet", given.steps, given.seed, **settings)
    reached, separate = figures("ubernet", joint), 0
    for name in TASKS:
        single = trained("ubernet", given.steps, given.seed, **settings, tasks={name: 1.0})
        alone = figures("ubernet", single)[name]
        separate += parameters(single)
        ratio = reached[name] / alone if alone else float("nan")
        print(f"{name:14} all {reached[name]:.3f}  alone {alone:.3f}  {ratio:.2f}", flush=True)
    print(f"parameters of one against five: {parameters(joint) / separate:.2f}")


if __name__ == "__main__":
    main()
