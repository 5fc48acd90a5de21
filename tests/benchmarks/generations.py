"""The generating systems on small data: ``python -m tests.benchmarks.generations``.

What the figures mean is told in the tests of each member, ``tests/models/generation/test_*.py``;
``--longer 1`` is what the tests train. One thread; seconds of processor time.
"""

from __future__ import annotations

import argparse
import time

import torch

from tests.models.generation import (
    test_icgan,
    test_infogan,
    test_interactive,
    test_mask_gan,
    test_original,
    test_stackgan,
    test_text_gan,
    test_video,
    test_voxel,
)

MEMBERS = {
    "gan": test_original,
    "icgan": test_icgan,
    "infogan": test_infogan,
    "interactive_gan": test_interactive,
    "mask_gan": test_mask_gan,
    "stackgan": test_stackgan,
    "text_gan": test_text_gan,
    "video_gan": test_video,
    "voxel_gan": test_voxel,
}


def main() -> None:
    """Prints a line for each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", default=list(MEMBERS), help="default: all")
    parser.add_argument("--longer", type=int, default=3, help="how many times the tests' steps")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.systems:
        member = MEMBERS[name]
        started = time.process_time()
        system = member.trained(given.seed, given.longer)
        seconds = time.process_time() - started
        found = "  ".join(f"{key} {value:.3f}" for key, value in member.figures(system).items())
        print(f"{name:16}{seconds:6.0f} s  {found}", flush=True)


if __name__ == "__main__":
    main()
