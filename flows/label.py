"""The flow ``label``: from tagged images to a mask dataset, by STC with DCSM seeds.

STC (Simple To Complex, Wei et al., PAMI 2017) in the survey's variant (Yanai & Shimoda
2017, section 2.3): DCSM instead of low-level saliency as the first masks, and the
probabilities of a round to augment the training images of the next.

The tasks are few and coarse, one for each stage; the engine does the work inside. A task whose
table or model is finished returns at once, so a killed flow continues where it was.

A later run on a source that has grown labels the new images and adds them to the dataset, see
:mod:`tag2mask.pipeline.labeling.incremental`.
"""

from __future__ import annotations

from prefect.runtime import flow_run

from tag2mask.flows.artifacts import show
from tag2mask.flows.label_incremental import label_new
from tag2mask.flows.results import LabelResult
from tag2mask.flows.server_logs import flow_reporter
from tag2mask.flows.summary import label_result, load_record, summarize
from tag2mask.flows.task import flow, named_step, step
from tag2mask.flows.tracking import TrackedReporter, open_tracker
from tag2mask.flows.tracking.results import track_result
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.engine.choice import AUTO, LOCAL
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling import affinity
from tag2mask.pipeline.labeling.arguments import RETRAIN_SHARE
from tag2mask.pipeline.labeling.incremental import Change, Work, find_change_of_run
from tag2mask.pipeline.labeling.opening import outlook
from tag2mask.pipeline.labeling.recipe import Recipe, complete_recipe, training_processes
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.replacement import ReplacementRun, finish_replacement
from tag2mask.pipeline.labeling.rounds import TAGGER, Round, labeling_rounds, model_names
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.run_source import (
    RunSource,
    find_difference,
    requested_classes,
)
from tag2mask.pipeline.records.round_names import AFFINITY, SEED
from tag2mask.pipeline.sources import Downloads, open_source
from tag2mask.pipeline.tables.places import check_out
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import set_older_parts_aside


def run_name() -> str:
    """The name of a run in Prefect's UI: the run's folder and its scheduled time."""
    begun = flow_run.scheduled_start_time
    return f"{str(flow_run.parameters['out']).rstrip('/')} {begun:%Y-%m-%d %H:%M}"


# Prefect would validate a part of a recipe as a whole one, with error messages of its own.
@flow(name="label", flow_run_name=run_name, validate_parameters=False)
def label(
    source: str,
    out: str,
    recipe: Recipe = Recipe(),  # noqa: B008 - frozen
    classes: list[str] | None = None,
    engine: str = AUTO,
    workers: int = 2,
    retrain: bool = False,
    retrain_share: float = RETRAIN_SHARE,
    source_kind: str | None = None,
    force: bool = False,
    track: str | None = None,
) -> LabelResult:
    """Labels a source and returns paths and figures; ``str`` of the result is the summary.

    Args:
        source: The tagged images: a folder or URI that every worker can read.
        out: The run's folder, a local path or URI.
        recipe: The settings of the masks; missing parts have their defaults.
        classes: The tags to keep; None keeps those of the last version, or all.
        engine: ``local``, ``ray``, or ``auto`` for the one that suits the machine and the number of
            images; the choice changes no mask.
        workers: Processes on this machine; ignored by a Ray cluster.
        retrain: Train from scratch on the whole source, instead of labeling new images alone.
        retrain_share: Train from scratch, too, if this many images are new, or more, for each image
            that the models were trained on.
        source_kind: Kind of the source, a name of
            :data:`tag2mask.pipeline.sources.SOURCES`; None guesses it.
        force: Replace a run of another source or class list; it stays until the new one is
            finished.
        track: Experiment tracker, see :func:`tag2mask.flows.tracking.open_tracker`.

    Raises:
        UserError: If an argument is wrong, or the folder belongs to a run of another source or
            class list.
    """
    check_out(source, out)
    place = Folder(out)
    difference = find_difference(place, source, classes)
    if difference.classes and not force:
        raise UserError(difference.sentence())
    place.check_writable()
    reporter = flow_reporter()
    settings = recipe if isinstance(recipe, Recipe) else complete_recipe(recipe)
    # The automatic choice waits for the number of images.
    begun = build_engine(LOCAL if engine == AUTO else engine, workers)
    run = Run(out, settings, begun, reporter)
    with run.lease(), open_tracker(track, run.uri) as tracker:
        tracker.log_settings(settings.model_dump(mode="json"))
        run.reporter = TrackedReporter(reporter, tracker)
        rest = (retrain, retrain_share, source_kind, force, engine, workers)
        summary = label_with(run, source, classes, *rest)
        track_result(tracker, run)
        result = label_result(run, summary)
    show(run, summary)
    return result


def label_with(
    run: Run,
    source: str,
    classes: list[str] | None,
    retrain: bool = False,
    retrain_share: float = RETRAIN_SHARE,
    source_kind: str | None = None,
    force: bool = False,
    engine: str = LOCAL,
    workers: int = 1,
) -> str:
    """Does the work of a run's folder and returns the summary; see :func:`label`."""
    finish_replacement(run.folder)
    downloads = Downloads(run.recipe.download, cache=f"{run.uri}/downloads")
    tagged = open_source(source, source_kind, downloads)
    change, replaced = find_change_of_run(
        run, tagged, source, classes, force=force, retrain=retrain, share=retrain_share
    )
    for line in (*change.images.opening(), *change.images.accounts()):
        run.reporter.info(line)
    if change.why:
        run.reporter.info(change.sentence())
    if engine == AUTO and change.work is not Work.NOTHING:
        run.engine = build_engine(AUTO, workers, change.labeled, training_processes(run.recipe))
    if replaced:
        return replace_run(run, RunSource.of(source, classes), change, workers)
    for line in outlook(run, change, workers):
        run.reporter.info(line)
    RunSource.of(source, requested_classes(run.folder, classes)).save(run.folder)
    if change.work is Work.ADDITION:
        return label_new(run, change)
    if change.work is Work.EVERYTHING:
        make_everything(run, change.images)
        return summarize_run(run, source, change.images.counts, artifact_uris(run))
    set_older_parts_aside(Folder(run.table_uri("dataset")))  # an older release kept all together
    record = load_record(run)
    if record.get("version") == Table.open(run.table_uri("dataset")).manifest.revision:
        return f"{change.sentence()}\n\n{record['summary']}"
    return summarize_run(run, source, change.images.counts, artifact_uris(run))


def replace_run(run: Run, source: RunSource, change: Change, workers: int) -> str:
    """Makes a run of another source or class list, puts it in the place of the old one."""
    replacement = ReplacementRun(run, source)
    for line in outlook(replacement, change, workers):
        run.reporter.info(line)
    make_everything(replacement, change.images)
    replacement.complete()
    return summarize_run(run, source.address, change.images.counts, artifact_uris(run))


def make_everything(run: Run, ingest: Ingest) -> None:
    """Runs the whole loop and publishes the dataset."""
    images = make_images(run, ingest)
    train_tagger(run, images)
    masks = {SEED: make_seed(run, images)}
    if run.recipe.affinity:
        train_affinity(run, images, masks[SEED])
        masks[AFFINITY] = walk_seeds(run, images, masks[SEED])
    for each in labeling_rounds(run.recipe):
        train_segmenter(run, each, images, masks[each.masks])
        masks[each.name] = relabel(run, each, images)
    *earlier, last = masks.values()
    publish(run, images, last, earlier)


def artifact_uris(run: Run) -> dict[str, str]:
    """The URIs of a finished run's images, models and dataset, by name."""
    models = {name: run.model_uri(name) for name in model_names(run.recipe)}
    return {"images": run.table_uri("images"), **models, "dataset": run.table_uri("dataset")}


@step
def make_images(run: Run, ingest: Ingest) -> str:
    """The images table."""
    return run.make_images(ingest).uri


@step
def train_tagger(run: Run, images: str) -> str:
    """The multi-label classifier."""
    run.train_tagger(Table.open(images))
    return run.model_uri(TAGGER)


@step
def make_seed(run: Run, images: str) -> str:
    """The first masks: saliency and DenseCRF on simple images."""
    return run.make_seed(Table.open(images)).uri


@step
def train_affinity(run: Run, images: str, seed: str) -> str:
    """The network of affinities between pixels, trained on confident pixels of the seeds."""
    affinity.train_affinity(run, Table.open(images), Table.open(seed))
    return run.model_uri(AFFINITY)


@step
def walk_seeds(run: Run, images: str, seed: str) -> str:
    """The seeds after a random walk along the affinities."""
    return affinity.walk_along_affinities(run, Table.open(images), Table.open(seed)).uri


@named_step("train {each.name}")
def train_segmenter(run: Run, each: Round, images: str, masks: str) -> str:
    """The segmenter of a round, trained on the masks of an earlier one."""
    run.train_segmenter(each, Table.open(images), Table.open(masks))
    return run.model_uri(each.name)


@named_step("relabel {each.name}")
def relabel(run: Run, each: Round, images: str) -> str:
    """The masks that the segmenter of a round predicts, restricted to the tags."""
    return run.relabel(each, Table.open(images)).uri


@step
def summarize_run(run: Run, source: str, listed: IngestCounts, made: dict[str, str]) -> str:
    """Writes run.json, the contact sheet and the summary."""
    return summarize(run, source, listed, made)


@step
def publish(run: Run, images: str, last: str, earlier: list[str]) -> str:
    """The dataset."""
    rounds = [Table.open(uri) for uri in earlier]
    return release(run, Table.open(images), Table.open(last), earlier=rounds).uri
