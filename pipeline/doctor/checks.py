"""Checks of a machine for labeling: packages, GPU, CRF, weights, write access."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tag2mask.models.crf import CRF_PRESETS, CRFS, DEFAULT_CRF
from tag2mask.models.factory import Architecture
from tag2mask.pipeline.doctor.requirements import found_versions, wanted_packages, wanted_python
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.tables.storage import Folder

# Packages that are always listed; the others are listed only if their version does not fit.
SHOWN = ("torch", "torchvision", "ray", "prefect", "fastapi", "pyarrow")
PROBES = ".staging/doctor"


@dataclass(frozen=True)
class Check:
    """The result of one check, a line of the table.

    Attributes:
        name: Name of the checked thing.
        found: Description of the found state.
        fix: Instruction for the fix; empty if the check passed.
    """

    name: str
    found: str
    fix: str = ""


def check_machine(out: str | None = None) -> Iterator[Check]:
    """Check this machine.

    Args:
        out: Folder or URI of a run that must be writable; None skips this check.

    Yields:
        One result for each check.
    """
    yield check_python()
    yield from check_packages()
    yield check_gpu()
    yield check_crf()
    yield check_weights(Recipe().tagger_architecture(classes=1))
    if out is not None:
        yield check_place(out)


def check_python() -> Check:
    """Check the version of Python against tag2mask's requirement."""
    wanted, found = wanted_python(), found_versions()["python"]
    fix = "" if wanted.contains(found) else f"install Python {wanted} and tag2mask for it"
    return Check("python", found, fix)


def check_packages() -> Iterator[Check]:
    """Check the installed packages against tag2mask's requirements."""
    found = found_versions()
    for wanted in wanted_packages():
        version = found[wanted.name]
        if not version or not wanted.specifier.contains(version, prereleases=True):
            yield Check(wanted.name, version or "absent", f"run: pip install '{wanted}'")
        elif wanted.name in SHOWN:
            yield Check(wanted.name, version)


def check_gpu() -> Check:
    """List the GPUs that torch finds; the check passes without any."""
    import torch

    if not torch.cuda.is_available():
        return Check("gpu", "none: everything runs on the processor")
    count = torch.cuda.device_count()
    return Check("gpu", f"{count} × {torch.cuda.get_device_name(0)}")


def check_crf() -> Check:
    """Check that the default DenseCRF can be imported and runs; this also compiles it."""
    image, probabilities = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 2), 0.5, np.float32)
    try:
        CRFS[DEFAULT_CRF](CRF_PRESETS["irn"])([image], [probabilities])
    except (ImportError, RuntimeError) as error:
        fix = "run: pip install --force-reinstall numba, or choose --set seeds.crf_method=torch "
        fix += "--set relabel.crf_method=torch"
        return Check("crf", str(error), fix)
    return Check("crf", f"{DEFAULT_CRF} runs")


def check_weights(architecture: Architecture) -> Check:
    """Check that the ImageNet weights of a backbone can be loaded."""
    name = f"weights of {architecture.backbone}"
    try:
        architecture.build(pretrained=True)
    except (ImportError, OSError) as error:
        fix = "install or download them, or start without them: --set backbone.pretrained=false"
        return Check(name, str(error), fix)
    return Check(name, "loaded")


def check_place(out: str) -> Check:
    """Check that a file can be written to a run's folder and read back."""
    try:
        write_probe(out, "here")
        found = read_probe(out, "here")
        Folder(out).folder(PROBES).remove_all()
    except (UserError, OSError) as error:
        return Check("storage", f"{out}: {error}", "choose an --out that you may write to")
    return Check("storage", f"{out} can be written and read ({len(found)} bytes)")


def write_probe(out: str, name: str) -> str:
    """Write a small file with random content to a run's folder; return the content."""
    text = uuid.uuid4().hex
    Folder(out).folder(PROBES).write(name, text.encode())
    return text


def read_probe(out: str, name: str) -> str:
    """Read the content of a small file that :func:`write_probe` wrote, here or on a node."""
    return Folder(out).folder(PROBES).read(name).decode()


@dataclass(frozen=True)
class NodeReport:
    """The report of one node of a cluster.

    Attributes:
        node: Address of the node.
        versions: Versions by package; empty if the node did not answer.
        seen: Content of the driver's probe as the node read it; empty if it could not.
        wrote: Content of the node's own probe.
        problem: Reason why the node could not read or write, or did not answer.
        gpus: Names of the node's GPUs.
    """

    node: str
    versions: Mapping[str, str]
    seen: str = ""
    wrote: str = ""
    problem: str = ""
    gpus: tuple[str, ...] = ()


def check_nodes(
    reports: Sequence[NodeReport], versions: Mapping[str, str], out: str | None, written: str
) -> Iterator[Check]:
    """Compare the nodes of a cluster with this machine.

    Args:
        reports: One report for each node.
        versions: Versions of this machine, by package.
        out: URI that all nodes must share; None skips this check.
        written: Content of this machine's probe at that URI.

    Yields:
        One result for each node.
    """
    for report in reports:
        name = f"node {report.node}"
        if not report.versions:
            fix = "install tag2mask there and check that the node is running"
            yield Check(name, report.problem, fix)
            continue
        others = [
            f"{package} {report.versions.get(package) or 'absent'} (here {version or 'absent'})"
            for package, version in versions.items()
            if report.versions.get(package, "") != version
        ]
        if others:
            fix = "install the same versions on every node: use one image or one lock file"
            yield Check(name, ", ".join(others), fix)
        elif out is not None and (report.problem or report.seen != written):
            found = report.problem or f"reads another {out} than this machine"
            yield Check(name, found, "give a URI that all nodes share, such as s3://bucket/run")
        else:
            place = "" if out is None else ", same storage"
            yield Check(name, f"same versions{place}, {len(report.gpus)} GPUs")
