"""What a machine needs for labeling, checked: packages, GPU, CRF, weights, write access."""

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

# Those whose versions people ask for first; the others are named when they do not fit.
SHOWN = ("torch", "torchvision", "ray", "prefect", "fastapi", "pyarrow")
PROBES = ".staging/doctor"


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes:
        name: What was looked at.
        found: What was there.
        fix: How to fix it; empty where nothing is wrong.
    """

    name: str
    found: str
    mend: str = ""


def check_machine(out: str | None = None) -> Iterator[Check]:
    """Checks this machine and, where a URI is given, that it can be written."""
    yield check_python()
    yield from check_packages()
    yield check_gpu()
    yield check_crf()
    yield check_weights(Recipe().tagger_architecture(classes=1))
    if out is not None:
        yield check_place(out)


def check_python() -> Check:
    """The version of Python against what tag2mask wants."""
    wanted, found = wanted_python(), found_versions()["python"]
    mend = "" if wanted.contains(found) else f"install Python {wanted} and tag2mask for it"
    return Check("python", found, mend)


def check_packages() -> Iterator[Check]:
    """The packages that tag2mask requires against the versions that it wants."""
    found = found_versions()
    for wanted in wanted_packages():
        version = found[wanted.name]
        if not version or not wanted.specifier.contains(version, prereleases=True):
            yield Check(wanted.name, version or "absent", f"run: pip install '{wanted}'")
        elif wanted.name in SHOWN:
            yield Check(wanted.name, version)


def check_gpu() -> Check:
    """The GPUs that torch sees; none is no fault."""
    import torch

    if not torch.cuda.is_available():
        return Check("gpu", "none: everything runs on the processor")
    count = torch.cuda.device_count()
    return Check("gpu", f"{count} × {torch.cuda.get_device_name(0)}")


def check_crf() -> Check:
    """Whether the default DenseCRF can be imported and runs here, which compiles it."""
    image, probabilities = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 2), 0.5, np.float32)
    try:
        CRFS[DEFAULT_CRF](CRF_PRESETS["irn"])([image], [probabilities])
    except (ImportError, RuntimeError) as error:
        mend = "run: pip install --force-reinstall numba, or choose --set seeds.crf_method=torch "
        mend += "--set relabel.crf_method=torch"
        return Check("crf", str(error), mend)
    return Check("crf", f"{DEFAULT_CRF} runs")


def check_weights(architecture: Architecture) -> Check:
    """Whether the ImageNet weights of a backbone can be loaded."""
    name = f"weights of {architecture.backbone}"
    try:
        architecture.build(pretrained=True)
    except (ImportError, OSError) as error:
        mend = "install or download them, or start without by --set backbone.pretrained=false"
        return Check(name, str(error), mend)
    return Check(name, "loaded")


def check_place(out: str) -> Check:
    """Whether a file that is written to a run's folder can be read there."""
    try:
        write_probe(out, "here")
        found = read_probe(out, "here")
        Folder(out).folder(PROBES).remove_all()
    except (UserError, OSError) as error:
        return Check("storage", f"{out}: {error}", "give a place that you may write to as --out")
    return Check("storage", f"{out} can be written and read ({len(found)} bytes)")


def write_probe(out: str, name: str) -> str:
    """Writes a small file of a new content and returns the content."""
    text = uuid.uuid4().hex
    Folder(out).folder(PROBES).write(name, text.encode())
    return text


def read_probe(out: str, name: str) -> str:
    """The content of a small file that somebody wrote."""
    return Folder(out).folder(PROBES).read(name).decode()


@dataclass(frozen=True)
class NodeReport:
    """What a node of a cluster says of itself.

    Attributes:
        node: Its address.
        versions: Of its packages; none if it did not answer.
        seen: What it read of the driver's probe; empty if it could not.
        wrote: The content of its own probe.
        problem: Why it could not read or write, or did not answer.
        gpus: Names of its GPUs.
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
    """Compares the nodes of a cluster with this machine.

    Args:
        reports: One for each node.
        versions: Of this machine.
        out: The URI that all must see; None checks none.
        written: The content of this machine's probe there.
    """
    for report in reports:
        name = f"node {report.node}"
        if not report.versions:
            mend = "install tag2mask there and see that the node is up"
            yield Check(name, report.problem, mend)
            continue
        others = [
            f"{package} {report.versions.get(package) or 'absent'} (here {version or 'absent'})"
            for package, version in versions.items()
            if report.versions.get(package, "") != version
        ]
        if others:
            mend = "install the same versions on every node: use one image or one lock file"
            yield Check(name, ", ".join(others), mend)
        elif out is not None and (report.problem or report.seen != written):
            found = report.problem or f"reads another {out} than this machine"
            yield Check(name, found, "give a URI that all nodes share, such as s3://bucket/run")
        else:
            place = "" if out is None else ", same storage"
            yield Check(name, f"same versions{place}, {len(report.gpus)} GPUs")
