"""The card of a dataset: a README.md for people, with the head that Hugging Face reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from tag2mask.pipeline.evaluation.voc import Scores
from tag2mask.pipeline.publication.confidence import ConfidenceCalibration
from tag2mask.pipeline.publication.croissant import CROISSANT, render_croissant
from tag2mask.pipeline.publication.figures import BINS, Figures, figure_columns, sum_figures
from tag2mask.pipeline.publication.publish import colors_of, license_of
from tag2mask.pipeline.publication.quality import FLAGS
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.text_tables import markdown_table

CARD = "README.md"

COLUMNS = {
    "id": "SHA-256 of the image's original file",
    "image": "the image, RGB, as JPEG or PNG; `path` is relative to its source",
    "height": "pixels",
    "width": "pixels",
    "tags": "the tags that the mask was made from, as class values",
    "near_duplicate_of": "`id` of a larger file with nearly the same image, if any",
    "mask": "8-bit palette PNG of the image's size: 0 background, 255 ignore, else a class",
    "classes": "the classes that the mask shows, without background",
    "area": "share of the image, one value for each of `classes`",
    "confidence": "mean probability of the class's pixels, one value for each of `classes`",
    "mask_confidence": "mean probability over the labeled pixels, most of which are background",
    "confidence_map": "8-bit gray PNG at an eighth of the size: highest probability × 255",
    "tag_probability": "the tagger's probability of each of `tags`; null without a tagger",
    "source": "name of the scorer, model or person that made the mask",
    "model": "SHA-256 of the weights that made the mask; empty without a model",
    "round": "labeling round, 0 for the seeds",
    "mask_sha256": "SHA-256 of the mask's PNG",
    "previous_round": "round of the previous mask; null for a first mask",
    "previous_mask": "SHA-256 of the previous mask's PNG",
    "agreement": "mean IoU of the mask and the previous one",
    "ignored": "share of the image without a label",
    "flags": "quality flags, see above",
    "class_confidence": "calibrated confidence of the object, one value for each of `tags`; "
    "0 for a tag without pixels",
    "object_confidence": "the least of `class_confidence`",
}


def write_card(dataset: Table, scores: Scores | None = None) -> None:
    """Write README.md and croissant.json into the dataset's folder.

    Args:
        dataset: A published dataset.
        scores: Scores of its masks against ground truth; None without ground truth.
    """
    folder = Folder(dataset.uri)
    folder.write(CROISSANT, render_croissant(dataset, COLUMNS))
    folder.write(CARD, render_card(dataset, scores).encode())


def make_front_matter(dataset: Table) -> dict[str, Any]:
    """Make the YAML head of the card, which lists the dataset's files by name."""
    split = dataset.metadata["split"]
    paths = [part.path for part in dataset.manifest.parts]
    size = sum(part.bytes for part in dataset.manifest.parts)
    rows = len(dataset)
    return {
        "license": license_of(dataset.metadata),
        "pretty_name": "Pixel masks from image tags",
        "task_categories": ["image-segmentation"],
        "task_ids": ["semantic-segmentation"],
        "annotations_creators": ["machine-generated"],
        "size_categories": [_size_category(rows)],
        "tags": ["weak-supervision", "pseudo-labels"],
        # By name, so that a reader notices a missing file.
        "configs": [{"config_name": "default", "data_files": [{"split": split, "path": paths}]}],
        "dataset_info": {
            "splits": [{"name": split, "num_bytes": size, "num_examples": rows}],
            "download_size": size,
            "dataset_size": size,
        },
    }


def render_card(dataset: Table, scores: Scores | None) -> str:
    """Render the card as Markdown."""
    names = dataset.metadata["classes"]
    total = sum_figures(dataset.rows(figure_columns(dataset.schema.names)), len(names))
    columns = [(name, text) for name, text in COLUMNS.items() if name in dataset.schema.names]
    head = yaml.safe_dump(make_front_matter(dataset), sort_keys=False, allow_unicode=True)
    sections = [
        f"---\n{head}---\n\n# Pixel masks from image tags",
        _about(dataset, total),
        "## Classes\n\n" + _classes(dataset, total, scores),
        "## Quality\n\n" + _trust(dataset, total, scores),
        "## Provenance\n\n" + _rounds(dataset, total),
        "## Columns\n\n" + _table(("column", "holds"), columns),
        "## Usage\n\n" + _usage(dataset),
        "## License\n\n" + _license(license_of(dataset.metadata)),
        "## Recipe\n\n```json\n" + json.dumps(dataset.metadata.get("recipe"), indent=1) + "\n```",
    ]
    return "\n\n".join(sections) + "\n"


def _about(dataset: Table, total: Figures) -> str:
    size = sum(part.bytes for part in dataset.manifest.parts)
    return (
        f"{total.rows:,} images with masks of {len(total.classes)} classes, {size / 1e6:,.1f} MB "
        f"in {len(dataset.manifest.parts)} files. tag2mask made the masks from the images' tags; "
        "nobody drew them. A mask holds only background, ignore and the image's own tags.\n\n"
        f"Version {dataset.manifest.revision}, fingerprint `{dataset.fingerprint}`. "
        "`manifest.json` lists rows, bytes and SHA-256 of each file; `tag2mask verify` checks "
        "them and every mask."
    )


def _classes(dataset: Table, total: Figures, scores: Scores | None) -> str:
    colors = colors_of(dataset.metadata)
    rows = []
    for value, name in enumerate(dataset.metadata["classes"], start=1):
        found = total.classes[value]
        mean = found.confidence / found.tagged if found.tagged else None
        row = [
            value,
            name,
            f"`{colors[name]}`",
            f"{found.tagged:,}",
            f"{found.shown:,}",
            f"{100 * found.pixels / total.pixels:.1f}",
            "–" if mean is None else f"{mean:.2f}",
        ]
        rows.append([*row, _percent(scores.iou[value])] if scores else row)
    heads = ["value", "class", "color", "tagged", "shown", "% of pixels", "confidence"]
    shares = sum(found.pixels for found in total.classes.values())
    rest = 100 * (1 - (shares + total.ignored) / total.pixels)
    return (
        _table([*heads, "IoU %"] if scores else heads, rows)
        + f"\n\n0 is background ({rest:.1f} % of the pixels), 255 is ignore "
        f"({100 * total.ignored / total.pixels:.1f} %)."
    )


def _trust(dataset: Table, total: Figures, scores: Scores | None) -> str:
    peak = max(total.histogram) or 1
    bars = [
        (f"{low / BINS:.1f}–{(low + 1) / BINS:.1f}", f"{count:,}", "█" * round(24 * count / peak))
        for low, count in enumerate(total.histogram)
    ]
    flags = [(name, f"{total.flags[name]:,}", text) for name, text in FLAGS.items()]
    ground_truth = (
        f"Against the {scores.images:,} ground truth masks, which were not used for the labeling, "
        f"the mean IoU is {_percent(scores.mean_iou)} % "
        f"(VOC protocol, {len(scores.names)} classes with background)."
        if scores
        else "There are no ground truth masks to compare with."
    )
    parts = [
        ground_truth,
        _confidence(dataset),
        _table(("object confidence", "masks", ""), bars),
    ]
    if total.agreements:
        parts.append(
            f"Mean IoU with the mask of the previous round: "
            f"{total.agreement / total.agreements:.2f} over {total.agreements:,} masks."
        )
    return "\n\n".join([*parts, _table(("flag", "masks", "meaning"), flags)])


def _confidence(dataset: Table) -> str:
    calibration = ConfidenceCalibration.model_validate(dataset.metadata.get("confidence", {}))
    meaning = (
        "The confidence of a tag is that of its object's pixels, not of the background. The "
        "object confidence of an image is the least of its tags; a tag without pixels has 0. "
    )
    if not calibration.objects:
        return meaning + "Both are mean probabilities of the network, without calibration."
    return meaning + (
        f"Both are calibrated: they estimate the IoU of the object, from the agreement of "
        f"{calibration.objects:,} objects with the first masks of the run. No ground truth was "
        "used, so take them as an order of the masks, and as figures with care."
    )


def _rounds(dataset: Table, total: Figures) -> str:
    rounds = [
        (number, row["name"], f"{row['masks']:,}", f"{row['kept']:,}", f"`{row['fingerprint']}`")
        for number, row in enumerate(dataset.metadata["rounds"])
    ]
    made = [
        *((f"round {number}", f"{count:,}") for number, count in sorted(total.rounds.items())),
        *((f"source `{name}`", f"{count:,}") for name, count in sorted(total.sources.items())),
        *((f"model `{name or 'none'}`", f"{n:,}") for name, n in sorted(total.models.items())),
    ]
    heads = ("round", "name", "masks", "kept", "fingerprint")
    return f"{_table(heads, rounds)}\n\n{_table(('published', 'masks'), made)}"


def _license(name: str) -> str:
    if name == "unknown":
        return "The license of the images is unknown: find out their origin before you use them."
    return f"License of the images: {name}."


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _size_category(rows: int) -> str:
    steps = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"]
    for power, name in enumerate(steps, start=3):
        if rows < 10**power:
            return f"{steps[power - 4]}<n<{name}" if power > 3 else f"n<{name}"
    return f"n>{steps[-1]}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return markdown_table(heads, ([str(cell) for cell in row] for row in rows))


def _usage(dataset: Table) -> str:
    # A dataset of version 0.1 has no confidence of objects, only that of the classes shown.
    old = "class_confidence" not in dataset.schema.names
    return _USE.format(query=_OLD_QUERY if old else _QUERY)


_QUERY = """-- DuckDB, no image is read: object confidence of all tags, and a higher one of class 1
SELECT id, tags, object_confidence FROM 'THIS/FOLDER/data/*.parquet'
WHERE object_confidence >= 0.5 AND class_confidence[list_position(tags, 1)] >= 0.7"""

_OLD_QUERY = """-- DuckDB, no image is read: a confidence of class 1
SELECT id, tags, confidence FROM 'THIS/FOLDER/data/*.parquet'
WHERE confidence[list_position(classes, 1)] >= 0.7"""

_USE = """```python
from datasets import load_dataset

rows = load_dataset("THIS/FOLDER", split="train")  # or streaming=True
rows[0]["image"], rows[0]["mask"], rows.features["tags"].feature.names
```

```sql
{query}
```

```python
from tag2mask import MaskDataset, RowFilter  # torch, random access

pairs = MaskDataset("THIS/FOLDER", where=RowFilter(confidence=0.5))
```"""
