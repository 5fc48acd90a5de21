"""The survey's Table 1 with the same images, backbone and schedule for every method."""

from __future__ import annotations

from tag2mask.flows.benchmarks.methods import METHODS
from tag2mask.flows.benchmarks.setup import BenchRequest, open_bench
from tag2mask.flows.task import flow
from tag2mask.pipeline.benchmarks.method_chart import method_chart
from tag2mask.pipeline.benchmarks.method_grid import example_grid
from tag2mask.pipeline.benchmarks.method_table import (
    MethodRow,
    load_methods,
    method_line,
    methods_markdown,
    save_methods,
)
from tag2mask.pipeline.evaluation.assess import assess
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import load_model, read_card


@flow(name="benchmark-table1", validate_parameters=False)
def table1(request: BenchRequest) -> str:
    """Measures the survey's methods on a source with ground truth masks and splits.

    Args:
        request: The request; ``chosen`` names rows. Every method has the backbone and schedule of
            its recipe. Its folder may hold a ladder.

    Returns:
        The table as Markdown; it is saved as ``table1.json``, as a chart ``table1.png`` and
        with example masks ``table1_masks.png`` too.

    Raises:
        UserError: If the data has no ground truth masks, or a method is unknown.
    """
    names = request.choice(METHODS, "method")
    bench = open_bench(request)
    run, ground_truth = bench.run, bench.ground_truth
    run.train_tagger(bench.images)
    rows = {row.name: row for row in load_methods(run.folder)}
    where = f"{len(bench.images.metadata['classes'])} classes, {len(bench.dev_images)} images"
    shown: dict[str, Table] = {}
    for name in names:
        method = METHODS[name]
        table, seconds, model = method.make(bench, name)
        shown[name] = table
        seconds /= max(1, len(table))
        earlier = rows.get(name)
        rows[name] = MethodRow(
            name=name,
            supervision=method.supervision,
            miou=assess(table, ground_truth).mean_iou,
            published=method.published,
            mark=method.mark,
            seconds=max(seconds, earlier.seconds if earlier else 0.0),
            parameters=_count_parameters(model),
        )
        ordered = [rows[known] for known in METHODS if known in rows]
        save_methods(run.folder, ordered)
        run.folder.write("table1.png", method_chart(ordered, where))
        run.reporter.info(method_line(rows[name]))
    ordered_tables = {known: shown[known] for known in METHODS if known in shown}
    run.folder.write(
        "table1_masks.png", example_grid(bench.dev_images, ordered_tables, ground_truth)
    )
    return methods_markdown([rows[known] for known in METHODS if known in rows])


def _count_parameters(uri: str) -> int:
    """The number of parameters of the model at a URI."""
    network, _ = load_model(uri, read_card(uri).architecture.kind)
    return sum(parameter.numel() for parameter in network.parameters())
