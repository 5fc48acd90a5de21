"""The survey's Table 1 on one bench: the same pictures, trunk and schedule for every method."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flows.environment import set_defaults

set_defaults()

from prefect import flow  # noqa: E402  (its settings are read on import)

from flows.bench import Bench, open_bench  # noqa: E402
from pipeline import measured, weak_training  # noqa: E402
from pipeline.engine.base import StageSpec  # noqa: E402
from pipeline.errors import UserError  # noqa: E402
from pipeline.model_store import load_model  # noqa: E402
from pipeline.recipe import Recipe, SeedSettings  # noqa: E402
from pipeline.report.assess import assess  # noqa: E402
from pipeline.report.method_chart import method_chart  # noqa: E402
from pipeline.report.methods import (  # noqa: E402
    MethodRow,
    load_methods,
    markdown,
    save_methods,
)
from pipeline.run import Run  # noqa: E402
from pipeline.selection import is_simple, sound  # noqa: E402
from pipeline.stages.recognise import Recognise  # noqa: E402
from pipeline.stages.refine import NO_CRF, Refine  # noqa: E402
from pipeline.stages.score import Score  # noqa: E402
from pipeline.table import Table  # noqa: E402


class Predictions(NamedTuple):
    """What a method says of the held-out pictures, and how long it took to say it.

    Attributes:
        table: The predicted masks.
        seconds: Wall time of the prediction alone; next to nothing if it was found done.
    """

    table: Table
    seconds: float


def timed(predict: Callable[[], Table]) -> Predictions:
    """Predictions and their time."""
    started = time.monotonic()
    table = predict()
    return Predictions(table, time.monotonic() - started)


def with_recipe(bench: Bench, recipe: Recipe) -> Bench:
    """The same folders with other settings; what does not follow from them is kept."""

    def other(run: Run) -> Run:
        changed = recipe.model_copy(update={"split": run.recipe.split})
        return Run(run.uri, changed, run.engine, run.watch)

    return replace(bench, run=other(bench.run), dev=other(bench.dev))


def predicted(bench: Bench, model: str) -> Predictions:
    """What a model of the run says of the held-out pictures, without their tags."""
    uri = bench.run.model_uri(model)
    return timed(lambda: measured.predict(bench.dev, bench.dev_images, model, uri))


Make = Callable[[Bench, str], Predictions]
"""From the bench and the method's name to its predictions; trains what is needed first."""


def supervised(head: str, output_stride: int | None = None) -> Make:
    """A segmenter trained on true masks, on a trunk of its paper's stride or the recipe's."""

    def make(bench: Bench, name: str) -> Predictions:
        recipe = bench.run.recipe
        stride = output_stride or recipe.trunk.output_stride
        changes = {
            "trunk": recipe.trunk.model_copy(update={"output_stride": stride}),
            "segmenter": recipe.segmenter.model_copy(update={"head": head}),
        }
        bench = with_recipe(bench, recipe.model_copy(update=changes))
        truth = measured.truth(bench.run, bench.images, bench.data)
        bench.run.segmenter(name, bench.images, truth)
        return predicted(bench, name)

    return make


def weak(loss: str, seeds: Callable[[Run, Table], Table] | None = None) -> Make:
    """The recipe's segmenter trained by a weak loss."""

    def make(bench: Bench, name: str) -> Predictions:
        found = None if seeds is None else seeds(bench.run, bench.images)
        weak_training.train_weakly(bench.run, name, bench.images, loss, found)
        return predicted(bench, name)

    return make


def direct(crf: str | None) -> Make:
    """DCSM on the held-out pictures themselves, of the classes that the tagger sees."""

    def make(bench: Bench, name: str) -> Predictions:
        seeds = bench.run.recipe.seeds
        size = bench.run.recipe.tagger.training.crop
        tagger = bench.run.model_uri("tagger")
        chosen = seeds.crf if crf is None else crf
        return timed(
            lambda: bench.dev.round_table(
                name,
                scan=sound(bench.dev_images, columns=["image", "tags"]),
                stages=[
                    StageSpec(Recognise, {"tagger": tagger, "size": size}, gpus=0.5),
                    StageSpec(
                        Score,
                        {"scorer": seeds.scorer, "tagger": tagger, "settings": seeds.settings},
                        gpus=0.5,
                    ),
                    StageSpec(Refine, {"crf": chosen, "contrast": seeds.contrast}),
                ],
                images=bench.dev_images,
                ingredients={
                    "tagger": bench.run.weights("tagger"),
                    "seeds": seeds.model_dump(mode="json"),
                    "crf": chosen,
                },
            )
        )

    return make


def stc(bench: Bench, name: str) -> Predictions:
    """The original loop: seeds of low-level saliency, three rounds, no augmentation."""
    run, images = bench.run, bench.images
    settings = SeedSettings(scorer="saliency", settings={}, contrast=1.0, crf=NO_CRF)
    seed = run.seed(images, f"{name} seed", settings)
    first, second = f"{name} initial", f"{name} enhanced"
    run.segmenter(first, images, seed, soft=True)
    simple = run.relabel(images, model=first, select=is_simple)
    run.segmenter(second, images, simple, after=first)
    everything = run.relabel(images, model=second)
    run.segmenter(name, images, everything, after=second)
    return predicted(bench, name)


def ours(augmented: bool) -> Make:
    """The loop with DCSM seeds, with or without the augmentation of its last round."""

    def make(bench: Bench, name: str) -> Predictions:
        run, images = bench.run, bench.images
        seed = run.seed(images)
        run.segmenter("initial", images, seed, soft=True)
        simple = run.relabel(images, model="initial", select=is_simple)
        run.segmenter("enhanced", images, simple, after="initial")
        everything = run.relabel(images, model="enhanced")
        model = "augmented" if augmented else "powerful"
        thresholds = run.recipe.augmentation if augmented else ()
        run.segmenter(model, images, everything, thresholds=thresholds, after="enhanced")
        return predicted(bench, model)

    return make


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        supervision: ``masks`` or ``tags``.
        make: Its predictions.
        published: Mean IoU on VOC 2012 test in percent, from the survey's Table 1.
        mark: † is on VOC 2011, ‡ uses MS COCO too.
        model: The name of its model in the run, if it is not the method's own; empty for
            methods without a segmenter.
    """

    supervision: str
    make: Make
    published: float | None = None
    mark: str = ""
    model: str | None = None


METHODS: dict[str, Method] = {
    "fcn32s": Method("masks", supervised("fcn32s", 32)),
    "fcn16s": Method("masks", supervised("fcn16s", 32)),
    "fcn8s": Method("masks", supervised("fcn8s", 32), 62.2),
    "segnet": Method("masks", supervised("segnet")),
    "deconvnet": Method("masks", supervised("deconvnet")),
    "unet": Method("masks", supervised("unet")),
    "dilation": Method("masks", supervised("dilation")),
    "deeplab_v1": Method("masks", supervised("deeplab_v1"), 71.6),
    "crf_rnn": Method("masks", supervised("crf_rnn", 32), 72.0),
    "deeplab_v2": Method("masks", supervised("deeplab_v2"), 79.7, "‡"),
    "pspnet": Method("masks", supervised("pspnet"), 82.6),
    "mil_fcn": Method("tags", weak("mil_fcn"), 24.9),
    "ccnn": Method("tags", weak("ccnn"), 35.5),
    "em_adapt": Method("tags", weak("em_adapt"), 39.6),
    "mil_ilp": Method("tags", weak("mil_ilp"), 40.6),
    "dcsm": Method("tags", direct(NO_CRF), 41.0, model=""),
    "dcsm + crf": Method("tags", direct(None), 45.1, model=""),
    "foreground_prior": Method("tags", weak("foreground_prior", weak_training.foreground), 48.0),
    "stc": Method("tags", stc, 51.2),
    "sec": Method("tags", weak("sec", weak_training.cues), 51.7),
    "ours": Method("tags", ours(False), 51.2, model="powerful"),
    "ours + augmentation": Method("tags", ours(True), 52.8, model="augmented"),
}


@flow(name="benchmark-table1", validate_parameters=False)
def table1(
    data: str,
    out: str,
    recipe: Recipe,
    classes: Sequence[str] | None = None,
    engine: str = "local",
    workers: int = 2,
    methods: Sequence[str] | None = None,
) -> str:
    """Measures the survey's methods on a source with true masks and splits.

    Args:
        data: The pictures, their tags, splits and true masks.
        out: The folder of the runs, of a ladder for example; what is finished is kept.
        recipe: Of the run: every method has its trunk and its segmenter's schedule.
        classes: The tags to keep; None keeps all.
        engine: ``local`` or ``ray``.
        workers: Processes on this machine.
        methods: Which rows; None for all.

    Returns:
        The table as Markdown; it is saved as ``table1.json`` and ``table1.png`` too.

    Raises:
        UserError: If the data has no true masks, or a method is not known.
    """
    unknown = set(methods or ()) - METHODS.keys()
    if unknown:
        raise UserError(f"no method {', '.join(sorted(unknown))}: choose of {', '.join(METHODS)}")
    bench = open_bench(data, out, recipe, classes, engine, workers)
    run, truth = bench.run, bench.truth
    run.tagger(bench.images)
    rows = {row.name: row for row in load_methods(run.folder)}
    where = f"{len(bench.images.metadata['classes'])} classes, {len(bench.dev_images)} pictures"
    for name in methods or METHODS:
        method = METHODS[name]
        table, seconds = method.make(bench, name)
        seconds /= max(1, len(table))
        earlier = rows.get(name)
        rows[name] = MethodRow(
            name=name,
            supervision=method.supervision,
            miou=assess(table, truth).mean_iou,
            published=method.published,
            mark=method.mark,
            seconds=max(seconds, earlier.seconds if earlier else 0.0),
            parameters=_parameters(run, name if method.model is None else method.model),
        )
        ordered = [rows[known] for known in METHODS if known in rows]
        save_methods(run.folder, ordered)
        run.folder.write("table1.png", method_chart(ordered, where))
        run.watch.say(markdown([rows[name]]).splitlines()[-1])
    return markdown([rows[known] for known in METHODS if known in rows])


def _parameters(run: Run, model: str) -> int:
    """Of a model of the run; of the tagger where a method has no segmenter."""
    network, _ = load_model(run.model_uri(model or "tagger"), "segmenter" if model else "tagger")
    return sum(parameter.numel() for parameter in network.parameters())
