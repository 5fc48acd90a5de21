"""Checks of a Ray cluster: packages, GPUs and shared storage of every node."""

from __future__ import annotations

from dataclasses import replace

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tag2mask.pipeline.doctor.checks import (
    PROBES,
    Check,
    NodeReport,
    check_nodes,
    read_probe,
    write_probe,
)
from tag2mask.pipeline.doctor.requirements import found_versions
from tag2mask.pipeline.engine.base import one_line
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

SECONDS = 120.0
DRIVER = "driver"


def check_cluster(address: str, out: str | None) -> list[Check]:
    """Compare every node of the cluster of ``RAY_ADDRESS`` with this machine.

    Args:
        address: Address of the cluster, for the report.
        out: URI that all nodes must share; None skips this check.
    """
    try:
        reports, written = ask_nodes(out)
    except (UserError, OSError) as error:
        fix = "start the cluster, or unset RAY_ADDRESS to work on this machine alone"
        return [Check("cluster", str(error), fix)]
    found = Check("cluster", f"{len(reports)} nodes at {address}")
    return [found, *check_nodes(reports, found_versions(), out, written)]


def ask_nodes(out: str | None) -> tuple[list[NodeReport], str]:
    """Collect the reports of all nodes at once; a node without an answer gets a ``problem``.

    Args:
        out: URI that the nodes must share; None skips this check.

    Returns:
        The reports, and the content of the probe that this machine wrote for the nodes to read.

    Raises:
        UserError: If the cluster cannot be reached, or the URI cannot be written.
    """
    RayEngine().connect()
    written = "" if out is None else write_probe(out, DRIVER)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    try:
        answers = {
            node["NodeID"]: _report.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(node["NodeID"], out)
            for node in nodes
        }
        reports = [
            _checked(_answer(node["NodeManagerAddress"], answers[node["NodeID"]]), node, out)
            for node in nodes
        ]
    finally:
        if out is not None:
            Folder(out).folder(PROBES).remove_all()
    return reports, written


@ray.remote(num_cpus=0, max_retries=0)
def _report(node: str, out: str | None) -> NodeReport:
    report = NodeReport(
        node=ray.util.get_node_ip_address(),
        versions=found_versions(),
        gpus=tuple(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())),
    )
    if out is None:
        return report
    try:
        return replace(report, seen=read_probe(out, DRIVER), wrote=write_probe(out, node))
    except Exception as error:
        return replace(report, problem=f"cannot use {out}: {one_line(error)}")


def _answer(address: str, answer: ray.ObjectRef) -> NodeReport:
    try:
        return ray.get(answer, timeout=SECONDS)
    except Exception as error:  # for example a missing package, or a node that hangs
        return NodeReport(address, {}, problem=one_line(error))


def _checked(report: NodeReport, node: dict[str, object], out: str | None) -> NodeReport:
    """The report, with a problem if this machine cannot read the node's probe."""
    if out is None or report.problem:
        return report
    try:
        seen = read_probe(out, str(node["NodeID"]))
    except OSError:
        seen = ""
    if seen == report.wrote:
        return report
    return replace(report, problem=f"this machine cannot read the file that it wrote to {out}")
