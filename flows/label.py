"""The flow ``label``: from tagged pictures to a mask dataset, by STC with DCSM seeds.

STC (Simple To Complex, Wei et al., PAMI 2017) in the survey's variant (Yanai & Shimoda
2017, section 2.3): DCSM instead of low-level saliency as the first masks, and the
probabilities of a round to augment the training pictures of the next.

Few and coarse tasks, one for each stage: the engine does the work inside, and a task that
finds its table or model finished returns at once, so a killed flow continues where it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.environment import set_defaults

set_defaults()

from prefect import flow, task  # noqa: E402  (its settings are read on import)
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows.progress import Terminal  # noqa: E402
from flows.summary import summarise  # noqa: E402
from pipeline.engine import build_engine  # noqa: E402
from pipeline.ingest import Ingest, IngestCounts, ingest  # noqa: E402
from pipeline.recipe import Recipe  # noqa: E402
from pipeline.run import Run  # noqa: E402
from pipeline.selection import is_simple  # noqa: E402
from pipeline.sources import open_source  # noqa: E402
from pipeline.table import Table  # noqa: E402

step = task(cache_policy=NO_CACHE, persist_result=False)


@flow(name="label", validate_parameters=False)
def label(
    source: str,
    out: str,
    recipe: Recipe,
    classes: Sequence[str] | None = None,
    engine: str = "ray",
    workers: int = 2,
) -> str:
    """Labels a source and returns the summary: ladder, counts, fingerprint, paths.

    Args:
        source: The tagged pictures.
        out: The run's folder.
        recipe: What the masks follow from.
        classes: The tags to keep; None keeps all.
        engine: ``ray`` or ``local``; it changes nothing in the masks.
        workers: Processes on this machine; a Ray cluster decides for itself.
    """
    run = Run(out, recipe, build_engine(engine, workers), Terminal())
    with run.lease():
        return label_with(run, source, classes)


def label_with(run: Run, source: str, classes: Sequence[str] | None) -> str:
    """The steps of :func:`label` in a run's folder."""
    pictures = ingest(open_source(source), classes, run.recipe.split)
    run.watch.say(pictures.counts.sentence())

    images = ingest_pictures(run, pictures)
    tagger = train_tagger(run, images)
    seed = make_seed(run, images)
    initial = train_initial(run, images, seed)
    simple = relabel(run, images, "initial", only_simple=True)
    enhanced = train_enhanced(run, images, simple)
    everything = relabel(run, images, "enhanced")
    powerful = train_powerful(run, images, everything)
    last = relabel(run, images, "powerful")
    dataset = publish(run, images, last, [seed, simple, everything])
    made = {
        "images": images,
        "tagger": tagger,
        "initial": initial,
        "enhanced": enhanced,
        "powerful": powerful,
        "dataset": dataset,
    }
    return summarise_run(run, source, pictures.counts, made)


@step
def ingest_pictures(run: Run, pictures: Ingest) -> str:
    """The images table."""
    return run.images(pictures).uri


@step
def train_tagger(run: Run, images: str) -> str:
    """The multi-label classifier."""
    run.tagger(Table.open(images))
    return run.model_uri("tagger")


@step
def make_seed(run: Run, images: str) -> str:
    """The first masks: saliency and DenseCRF on simple pictures."""
    return run.seed(Table.open(images)).uri


@step
def train_initial(run: Run, images: str, seed: str) -> str:
    """The segmenter of the seeds, trained on their soft labels."""
    run.segmenter("initial", Table.open(images), Table.open(seed), soft=True)
    return run.model_uri("initial")


@step
def train_enhanced(run: Run, images: str, masks: str) -> str:
    """The segmenter of the masks that the initial one made of the simple pictures."""
    run.segmenter("enhanced", Table.open(images), Table.open(masks), after="initial")
    return run.model_uri("enhanced")


@step
def train_powerful(run: Run, images: str, masks: str) -> str:
    """The segmenter of all pictures, augmented by the probabilities of their masks."""
    run.segmenter(
        "powerful",
        Table.open(images),
        Table.open(masks),
        thresholds=run.recipe.augmentation,
        after="enhanced",
    )
    return run.model_uri("powerful")


@step
def relabel(run: Run, images: str, model: str, only_simple: bool = False) -> str:
    """The masks that a segmenter sees, restricted to the tags."""
    select = is_simple if only_simple else None
    return run.relabel(Table.open(images), model=model, select=select).uri


@step
def summarise_run(run: Run, source: str, listed: IngestCounts, made: dict[str, str]) -> str:
    """run.json, the contact sheet and the last word."""
    return summarise(run, source, listed, made)


@step
def publish(run: Run, images: str, last: str, earlier: Sequence[str]) -> str:
    """The dataset."""
    rounds = [Table.open(uri) for uri in earlier]
    return run.publish(Table.open(images), Table.open(last), earlier=rounds).uri
