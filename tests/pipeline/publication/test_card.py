"""The card: its figures are the sums over the rows."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from tag2mask.pipeline.evaluation.voc import evaluate_masks
from tag2mask.pipeline.publication.card import render_card, write_card
from tag2mask.pipeline.publication.figures import FIGURE_COLUMNS, sum_figures
from tag2mask.pipeline.records import ClassTable, decode_mask
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys
from tests.pipeline.toys import CLASSES

COUNT = 30


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("card"), COUNT)


def table_of(card: str, head: str) -> list[list[str]]:
    """The rows of the Markdown table whose head begins with a word."""
    lines = card.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} "))
    body = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return body


def test_classes_are_counted(dataset):
    rows = list(dataset.rows())
    masks = np.stack([decode_mask(row["mask"]["bytes"]) for row in rows])
    body = table_of(Path(dataset.uri, "README.md").read_text(), "value")
    assert [line[1] for line in body] == list(CLASSES)
    for value, line in enumerate(body, start=1):
        assert int(line[0]) == value
        assert int(line[3]) == sum(value in row["tags"] for row in rows)
        assert int(line[4]) == (masks == value).any(axis=(1, 2)).sum()
        tagged = [row for row in rows if value in row["tags"]]
        of_class = [row["class_confidence"][row["tags"].index(value)] for row in tagged]
        assert float(line[6]) == pytest.approx(np.mean(of_class), abs=0.0051)
        assert float(line[5]) == pytest.approx(100 * (masks == value).mean(), abs=0.051)


def test_confidences_and_flags_are_counted(dataset):
    card = Path(dataset.uri, "README.md").read_text()
    confidences = np.array([row["object_confidence"] for row in dataset.rows()])
    counts, _ = np.histogram(confidences, bins=10, range=(0, 1))
    assert [int(line[1]) for line in table_of(card, "object confidence")] == counts.tolist()
    uncertain = sum("uncertain" in row["flags"] for row in dataset.rows())
    assert [line[1] for line in table_of(card, "flag") if line[0] == "uncertain"] == [
        str(uncertain)
    ]
    sources = dict(table_of(card, "published"))
    assert sources["source `human`"] == str(sum(r["source"] == "human" for r in dataset.rows()))


def test_the_head_names_files_and_rows(dataset):
    card = Path(dataset.uri, "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    files = head["configs"][0]["data_files"][0]
    assert files == {"split": "train", "path": [part.path for part in dataset.manifest.parts]}
    assert head["dataset_info"]["splits"][0]["num_examples"] == COUNT
    assert head["license"] == "unknown"
    assert head["size_categories"] == ["n<1K"]


def test_every_column_is_explained(dataset):
    card = render_card(dataset, None)
    assert [line[0] for line in table_of(card, "column")] == dataset.schema.names


def test_the_mean_iou_is_reported_with_ground_truth(dataset, tmp_path):
    class AgreeingMasks:
        """Ground truth masks that agree everywhere."""

        directory = "truth"

        def __init__(self, table):
            self.masks = {row["mask"]["path"]: row["mask"]["bytes"] for row in table.rows()}

        def mask(self, path):
            return decode_mask(self.masks[path])

    rows = ({"path": r["mask"]["path"], "mask": r["mask"]["bytes"]} for r in dataset.rows())
    scores = evaluate_masks(rows, AgreeingMasks(dataset), ClassTable(names=CLASSES))
    card = render_card(dataset, scores)
    assert f"Against the {COUNT} ground truth masks" in card
    assert "mean IoU is 100.0 %" in card
    assert [line[7] for line in table_of(card, "value")] == ["100.0"] * 3
    assert "no ground truth masks" in render_card(dataset, None)


def test_names_do_not_break_the_table(dataset):
    named = dict(dataset.manifest.metadata)
    named["classes"] = ["cat|dog", *CLASSES[1:]]
    named["colors"] = {**named["colors"], "cat|dog": "#800000"}
    changed = dataset.manifest.model_copy(update={"metadata": named})
    renamed = Table.open(dataset.uri)
    renamed.manifest = changed
    assert table_of(render_card(renamed, None), "value")[0][1] == r"cat\|dog"


def test_the_card_can_be_written_again(dataset):
    before = Path(dataset.uri, "README.md").read_bytes()
    write_card(dataset)
    assert Path(dataset.uri, "README.md").read_bytes() == before


def test_figures_add_up(dataset):
    total = sum_figures(dataset.rows(FIGURE_COLUMNS), len(CLASSES))
    assert total.rows == COUNT == sum(total.histogram) == sum(total.rounds.values())
    assert total.pixels == COUNT * 48 * 64
