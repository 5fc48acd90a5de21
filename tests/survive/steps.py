"""The steps of a labeling run without an orchestrator, on toy images in folders of tags."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tag2mask.pipeline.engine.base import Engine
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling.loop import run_rounds
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records.round_names import POWERFUL
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.model_store import read_card
from tests.pipeline.toys import CLASSES, SilentReporter, image_row, tiny_recipe

TABLES = (
    "images",
    "rounds/seed",
    "rounds/affinity",
    "rounds/initial",
    "rounds/enhanced",
    "rounds/powerful",
    "dataset",
)
MODELS = ("tagger", "affinity", "initial", "enhanced", "powerful")
COUNT = 24


def write_source(uri: str, count: int = COUNT) -> None:
    """Toy images, the folder's name the tag, and one file that is none."""
    for number in range(count):
        tag = 1 + number % len(CLASSES)
        row = image_row(number, [tag])
        Folder(f"{uri}/{CLASSES[tag - 1]}").write(f"{number}.png", row["image"]["bytes"])
    Folder(f"{uri}/{CLASSES[0]}").write("broken.png", b"\x89PNG broken")


def label(
    source: str, out: str, reporter: SilentReporter | None = None, engine: Engine | None = None
) -> dict[str, str]:
    """A whole run; fingerprints of its tables and hashes of its models by name."""
    often = "segmenter.training.checkpoint_seconds=1e-6"
    walk = '{"steps": 4, "batch": 4, "crop": 64, "checkpoint_seconds": 1e-6}'
    recipe = tiny_recipe(
        often,
        "tagger.training.checkpoint_seconds=1e-6",
        f'affinity={{"size": 64, "training": {walk}}}',
        "augmentation=[0.0, 0.5]",
    )
    run = Run(out, recipe, engine or LocalEngine(1), reporter or SilentReporter())
    with run.lease():
        images, masks = run_rounds(run, ingest(open_source(source)))
        release(run, images, masks[POWERFUL])
    return result(out)


def result(out: str) -> dict[str, str]:
    """The tables of a run, after a check of every id and every byte."""
    found = {f"models/{name}": read_card(f"{out}/models/{name}").weights for name in MODELS}
    images = Table.open(f"{out}/images").ids()
    for name in TABLES:
        table = Table.open(f"{out}/{name}")
        table.verify()
        ids = table.ids()
        if len(set(ids)) < len(ids) or not set(ids) <= set(images):
            raise ValueError(f"{name} has an id twice, or one that is no image's")
        found[name] = f"{len(ids)} rows {table.fingerprint}"
    return found


class Mortal(SilentReporter):
    """Kills its process in the middle of a step: a table's name or ``models/`` and a model's."""

    def __init__(self, victim: str) -> None:
        super().__init__()
        self.victim = victim
        save = Checkpoints.save

        def dying(self: Checkpoints, *args: object) -> None:
            save(self, *args)  # type: ignore[arg-type]
            if victim.removeprefix("models/") in self._folder.uri.rsplit("/", 1)[-1].split("-"):
                os.kill(os.getpid(), signal.SIGKILL)

        if victim.startswith("models/"):
            Checkpoints.save = dying  # type: ignore[assignment, method-assign]

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        def update(done: int) -> None:
            if done and step == self.victim.removeprefix("rounds/"):
                os.kill(os.getpid(), signal.SIGKILL)

        return update
