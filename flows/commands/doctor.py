"""The command doctor."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def doctor(
    out: Annotated[
        str | None,
        typer.Option("--out", help="Folder or URI of a run, to check that it can be written."),
    ] = None,
) -> None:
    """Checks packages, GPU, CRF, weights, storage and, with RAY_ADDRESS, every node."""
    from tag2mask.pipeline.doctor.checks import Check, check_machine

    checks = list(check_machine(out))
    if address := os.environ.get("RAY_ADDRESS"):
        from tag2mask.pipeline.doctor.ray_checks import check_cluster

        checks += check_cluster(address, out)
    else:
        checks.append(Check("cluster", "none: RAY_ADDRESS is not set, runs stay on this machine"))
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{'FAIL' if check.fix else 'ok':<6}{check.name:<{width}}  {check.found}")
    failed = [check for check in checks if check.fix]
    for check in failed:
        print(f"{check.name}: {check.fix}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
