"""The encoder-decoders on textured scenes: ``python -m tests.benchmarks.transformations``.

Each system is trained on 400 generated scenes and measured on 32 others; what the figures mean
is told in ``tests/models/transformation/figures.py``; ``--longer 1`` is what the tests train. One
thread; seconds of processor time.
"""

from __future__ import annotations

import argparse
import time

import torch

from tests.models.transformation.figures import MEASURES, figures, trained
from tests.models.transformation.test_figures import SHORT


def main() -> None:
    """Prints a line for each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", default=list(MEASURES), help="default: all")
    parser.add_argument("--longer", type=int, default=5, help="how many times the tests' steps")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.systems:
        steps, settings = SHORT[name]
        started = time.process_time()
        system = trained(name, given.longer * steps, given.seed, **settings)
        seconds = time.process_time() - started
        reached = " · ".join(f"{k} {v:.3f}" for k, v in figures(name, system).items())
        print(f"{name}: {reached} ({given.longer * steps} steps, {seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
