"""The inspection of a dataset: all contents of its page, gathered in two passes.

The first pass streams small columns and remembers counts and the ids of the masks to show;
the second reads those images alone. Memory follows the number of classes and examples,
not the size of the dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table, comparable
from tag2mask.pipeline.evaluation.assessment import Assessment, Assessor
from tag2mask.pipeline.evaluation.comparison import iter_pairs
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.progress import SILENT, Reporter, counted
from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.report.cards import REJECTED, Card, image_iou, make_card
from tag2mask.pipeline.report.ladder import LadderRow, load_ladder
from tag2mask.pipeline.report.rejections import RoundRejections, count_rejections, iter_rounds
from tag2mask.pipeline.report.survey import OPTIONAL, SURVEYED, Survey
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

__all__ = ["InspectSettings", "Inspection", "inspect_dataset"]

MASK_COLUMNS = ("mask", "classes", "area", "confidence", "mask_confidence", "source")


class InspectSettings(BaseModel):
    """How much the page shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: int = Field(6, ge=0, description="Masks of each class: best, worst and random.")
    cards: int = Field(
        480, ge=1, description="Most masks of the page: with many classes, each shows fewer."
    )
    side: int = Field(320, ge=32, le=2048, description="Longer side of a thumbnail, in pixels.")

    def per_kind(self, classes: int) -> int:
        """Masks to show of each class and kind, at least one unless none is wanted."""
        return min(self.examples, max(1, self.cards // (3 * classes)))


@dataclass(frozen=True)
class Inspection:
    """The contents of a dataset's inspection page.

    Args:
        uri: URI of the dataset.
        fingerprint: Fingerprint of the masks.
        recipe: The dataset's recipe; empty if it is unknown.
        classes: The dataset's classes.
        survey: Counts and histograms.
        assessment: Scores; None without ground truth.
        ladder: The steps of the run.
        rounds: The decisions of the filter in the rounds of the run.
        cards: Masks to show, class after class, then rejected ones.
    """

    uri: str
    fingerprint: str
    recipe: dict[str, object]
    classes: ClassTable
    survey: Survey
    assessment: Assessment | None
    ladder: list[LadderRow]
    rounds: list[RoundRejections]
    cards: list[Card]


def inspect_dataset(
    dataset: str,
    run: str | None = None,
    ground_truth: str | None = None,
    settings: InspectSettings | None = None,
    reporter: Reporter = SILENT,
) -> Inspection:
    """Gather the contents of a published dataset's inspection page.

    Args:
        dataset: URI of the dataset.
        run: URI of the run that made it, for the ladder and the rejected masks; None looks in
            the folder around the dataset.
        ground_truth: Folder of ground truth masks; with it, best and worst are decided by IoU.
        settings: Size of the page.
        reporter: Reporter that shows the progress.

    Raises:
        UserError: If there is no dataset, or ``ground_truth`` has no mask of its images.
    """
    settings = settings or InspectSettings()
    table = Table.open(dataset)
    if not {"image", *MASK_COLUMNS} <= set(table.schema.names):
        raise UserError(
            f"{table.uri} is no published dataset: give RUN/dataset, which has images and masks"
        )
    classes = class_table(table)
    ground_truths = GroundTruthFolder(ground_truth, classes) if ground_truth else None
    survey = Survey(classes, settings.per_kind(len(classes)))
    update = reporter.rows("inspect", len(table))
    assessment = _survey(survey, table, ground_truths, update)
    folder = Folder(run) if run else Folder(table.uri.rpartition("/")[0])
    rounds = dict(iter_rounds(folder))
    if run and not rounds:
        raise UserError(f"{folder.uri} is no run: there is no finished round in its rounds/")
    last = next(reversed(rounds), None)
    found = [
        count_rejections(name, rounds[name], 2 * settings.examples if name == last else 0)
        for name in rounds
    ]
    cards = list(_dataset_cards(table, survey, settings.side, ground_truths))
    if last is not None:
        ids = found[-1].examples
        cards += _rejected_cards(folder, rounds[last], ids, settings.side, ground_truths)
    return Inspection(
        uri=table.uri,
        fingerprint=table.fingerprint,
        recipe=table.metadata.get("recipe", {}),
        classes=classes,
        survey=survey,
        assessment=assessment,
        ladder=load_ladder(folder, "ladder.json"),
        rounds=found,
        cards=cards,
    )


def _survey(
    survey: Survey,
    table: Table,
    ground_truth: GroundTruthFolder | None,
    update: Callable[[int], None],
) -> Assessment | None:
    columns = [*SURVEYED, *_there(table, OPTIONAL)]
    if ground_truth is None:
        for row in counted(table.rows(columns), update):
            survey.add(row)
        return None
    classes = class_table(table)
    assessor = Assessor(classes)
    columns += ["mask", *_there(table, ("confidence_map",))]
    for row in counted(table.rows(columns), update):
        iou = None
        for pair in iter_pairs([comparable(row)], ground_truth, classes):
            iou = image_iou(assessor.add(pair))
        survey.add(row, iou, by_iou=True)
    assessment = assessor.result()
    if assessment is None:
        raise UserError(
            f"no image has a ground truth mask in {ground_truth.directory}: the names must agree"
        )
    return assessment


def _there(table: Table, columns: Sequence[str]) -> list[str]:
    """Those of some columns that a table has: older datasets lack a few."""
    return [name for name in columns if name in table.schema.names]


def _dataset_cards(
    table: Table, survey: Survey, side: int, ground_truth: GroundTruthFolder | None
) -> Iterator[Card]:
    picks, classes = survey.picks(), class_table(table)
    columns = ["image", "tags", *MASK_COLUMNS, *_there(table, OPTIONAL)]
    cards = {
        row["id"]: make_card(row, row, picks[row["id"]], classes, side, ground_truth)
        for row in Scan(table, columns=columns, ids=set(picks)).rows()
    }
    # In the order of the picks: class after class, the best first.
    return (cards[row_id] for row_id in picks)


def _rejected_cards(
    run: Folder, last: Table, ids: Sequence[str], side: int, ground_truth: GroundTruthFolder | None
) -> list[Card]:
    images, classes = Table.open(f"{run.uri}/images"), class_table(last)
    columns = ["image", "tags", *(f"round.{name}" for name in (*MASK_COLUMNS, "reason"))]
    found: dict[str, Row] = {
        row["id"]: row for row in Scan(images, {"round": last}, columns, set(ids)).rows()
    }
    rows = [found[row_id] for row_id in ids if row_id in found]
    return [
        make_card(
            row["round"], row, [(REJECTED, tag) for tag in row["tags"]], classes, side, ground_truth
        )
        for row in rows
    ]
