"""The reports of ``label``: run.json, a contact sheet, and a summary."""

from __future__ import annotations

import importlib.metadata
import io
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from tag2mask.flows.results import LabelResult
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import assess, class_table, find_ground_truth
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.labeling.rounds import TAGGER, mask_names, model_names
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.publication.card import write_card
from tag2mask.pipeline.records import Row, decode_mask
from tag2mask.pipeline.records.round_names import POWERFUL, SEED
from tag2mask.pipeline.report.contact_sheet import SheetRow, draw_contact_sheet
from tag2mask.pipeline.report.ladder import LadderRow, ladder_text, save_ladder
from tag2mask.pipeline.report.rejection_reasons import count_reasons, first_failures, list_failures
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import text_table
from tag2mask.pipeline.training.model_store import read_card

RECORD = "run.json"
SHEET = "contact_sheet.png"
SHEET_ROWS = 12
# Names in the run.json of version 0.1.0.
OLD_KEYS = {"left_out": "rejected", "last_word": "summary"}
PACKAGES = (
    "tag2mask",
    "torch",
    "torchvision",
    "ray",
    "prefect",
    "pyarrow",
    "numba",
    "pydensecrf2",
)


def summarize(run: Run, source: str, listed: IngestCounts, made: Mapping[str, str]) -> str:
    """Writes run.json, ladder.json and contact_sheet.png, and returns what to print.

    Args:
        run: The run that is finished.
        source: The source of its images. Its ground truth masks, if any, are read here for the
            first time.
        listed: The counts of the source's images before decoding.
        made: URIs by name, from the flow.
    """
    images, dataset = Table.open(made["images"]), Table.open(made["dataset"])
    counts = listed.after_decoding(len(list_failures(images)))
    rounds = {name: Table.open(run.table_uri(f"rounds/{name}")) for name in mask_names(run.recipe)}
    ground_truth = find_ground_truth(source, class_table(images))
    try:
        ladder = score_rounds(rounds, ground_truth)
        if ground_truth:
            write_card(dataset, assess(dataset, ground_truth))
    except UserError as error:  # the labeling is done, whatever the ground truth is like
        run.reporter.info(f"the ground truth masks beside the source are ignored: {error}")
        ground_truth, ladder = None, score_rounds(rounds, None)
    save_ladder(run.folder, "ladder.json", ladder)
    rejected = count_reasons(rounds[POWERFUL])
    save_sheet(run, SHEET, draw_sheet(images, rounds, ground_truth, run.recipe.report.font))
    lines = [counts.sentence(), *(f"  {note}" for note in counts.notes)]
    lines += [f"  {failure}" for failure in first_failures(images)]
    lines += publication_lines(len(dataset), rejected)
    tagger = read_card(made[TAGGER]).training
    lines.append(f"tagger: average precision on {tagger['held_out']} images held out")
    lines.append(
        "  " + ", ".join(_precision(*pair) for pair in tagger["average_precision"].items())
    )
    lines += (
        ["", ladder_text(ladder), ""]
        if ground_truth
        else ["no ground truth masks beside the source", ""]
    )
    found = {"fingerprint": dataset.fingerprint, **made, "contact sheet": f"{run.uri}/{SHEET}"}
    lines.append(text_table((), found.items()))
    summary = "\n".join(lines)
    save_record(
        run,
        {
            "source": source,
            "recipe": run.recipe.model_dump(mode="json"),
            "versions": package_versions(),
            "version": dataset.manifest.revision,
            "counts": counts.model_dump(),
            "published": len(dataset),
            "rejected": rejected,
            "models": {name: read_card(made[name]).training for name in model_names(run.recipe)},
            "fingerprint": dataset.fingerprint,
            "ladder": [row.model_dump() for row in ladder],
            "contact_sheet": SHEET,
            "summary": summary,
        },
    )
    return summary


def publication_lines(count: int, rejected: Mapping[str, int]) -> list[str]:
    """The number of published masks, and the others by reason, in lines."""
    lines = [f"{count:,} masks published, {sum(rejected.values()):,} rejected"]
    return lines + [f"  {many:,} × {reason}" for reason, many in rejected.items()]


def save_record(run: Run, record: Mapping[str, Any]) -> None:
    """Writes run.json, the last file of a version."""
    run.folder.write(RECORD, json.dumps(record, indent=1).encode())


def load_record(run: Run) -> dict[str, Any]:
    """The contents of run.json under today's names; empty where there is no such file."""
    if RECORD not in run.folder.sizes():
        return {}
    try:
        record = json.loads(run.folder.read(RECORD))
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    names: dict[str, Any] = record
    return {OLD_KEYS.get(name, name): value for name, value in names.items()}


def label_result(run: Run, summary: str) -> LabelResult:
    """The result of a finished run.

    Args:
        run: The run, whose folder holds run.json.
        summary: The text for the command line.
    """
    record = load_record(run)
    rejected = Counter(record["rejected"])
    for addition in record.get("additions", []):
        rejected.update(addition.get("rejected", addition.get("left_out", {})))
    return LabelResult(
        out=run.uri,
        dataset=run.table_uri("dataset"),
        version=record["version"],
        fingerprint=record["fingerprint"],
        published=record["published"],
        rejected=dict(rejected),
        counts=IngestCounts.model_validate(record["counts"]),
        ladder=tuple(LadderRow.model_validate(row) for row in record["ladder"]),
        models={name: run.model_uri(name) for name in model_names(run.recipe)},
        contact_sheet=f"{run.uri}/{record['contact_sheet']}",
        summary=summary,
    )


def save_sheet(run: Run, name: str, image: Image.Image) -> None:
    """Writes a contact sheet into the run's folder."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    run.folder.write(name, buffer.getvalue())


def _precision(name: str, value: float | None) -> str:
    return f"{name} {'–' if value is None else f'{value:.2f}'}"


def score_rounds(
    rounds: Mapping[str, Table], ground_truth: GroundTruthFolder | None
) -> list[LadderRow]:
    """One step for each round: mIoU on seeded and on all images, if there is ground truth."""
    if ground_truth is None:
        return [LadderRow(name=name) for name in rounds]
    seeded = set(rounds[SEED].ids())
    size = len(rounds[POWERFUL])
    return [
        LadderRow(
            name=name,
            pseudo_label_miou_seeded=assess(table, ground_truth, seeded).mean_iou,
            pseudo_label_miou_train=assess(table, ground_truth).mean_iou
            if len(table) == size
            else None,
        )
        for name, table in rounds.items()
    ]


def package_versions() -> dict[str, str]:
    """Versions of the packages that the masks depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def draw_sheet(
    images: Table,
    rounds: Mapping[str, Table],
    ground_truth: GroundTruthFolder | None,
    font: str | None = None,
) -> Image.Image:
    """Images by their columns: each round, ground truth where it exists.

    Args:
        images: The images, of which some are drawn.
        rounds: Tables of masks by name, in the order of the columns.
        ground_truth: Ground truth masks, if there are.
        font: A font file for the names; None finds fonts that have their characters.
    """
    columns = [*rounds, *(["ground truth"] if ground_truth else [])]
    scan = Scan(images, dict(rounds), columns=["image", "tags", *(f"{n}.mask" for n in rounds)])
    # The first ids are a fair draw; simple images have a seed where it is shown, the others
    # show what the later rounds make of several classes.
    narrow = list(images.rows(["id", "tags", "error"]))
    labeled = set(next(iter(rounds.values())).ids())
    sound = sorted((row for row in narrow if not row["error"]), key=lambda row: row["id"])
    simple = [row["id"] for row in sound if len(row["tags"]) == 1 and row["id"] in labeled]
    others = [row["id"] for row in sound if len(row["tags"]) > 1]
    half = min(len(others), SHEET_ROWS // 3)
    chosen = {*simple[: SHEET_ROWS - half], *others[:half]}
    drawn = sorted(Scan(images, scan.joined, scan.columns, chosen).rows(), key=lambda r: r["id"])
    rows = [_sheet_row(row, rounds, ground_truth) for row in drawn]
    return draw_contact_sheet(rows, columns, class_table(images), font)


def _sheet_row(
    row: Row, rounds: Mapping[str, Table], ground_truth: GroundTruthFolder | None
) -> SheetRow:
    with Image.open(io.BytesIO(row["image"]["bytes"])) as decoded:
        image = np.array(decoded.convert("RGB"))
    masks = {}
    for name in rounds:
        mask = row[name]["mask"] if row[name] else None
        masks[name] = decode_mask(mask["bytes"]) if mask else None
    path = row["image"]["path"]
    if ground_truth:
        masks["ground truth"] = ground_truth.mask(path)
    return SheetRow(path.rsplit("/", 1)[-1].rsplit(".", 1)[0], image, row["tags"], masks)
