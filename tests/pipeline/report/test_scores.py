"""The table of scores: percent with one decimal, columns aligned."""

import numpy as np

from pipeline.evaluation import scores
from pipeline.report.scores import score_table


def test_a_table_written_out():
    # Truth by rows: background, cat, dog; the last column counts pixels without a label.
    matrix = np.array([[50, 0, 0, 0], [10, 30, 0, 10], [0, 0, 0, 0]])
    table = score_table(scores(matrix, ["cat", "dog"], pictures=2))
    lines = table.splitlines()
    cells = {line.rsplit(maxsplit=3)[0]: line.split() for line in lines[1:5]}
    assert lines[0].split() == ["IoU", "precision", "recall"]
    assert cells["background"][1:] == ["83.3", "83.3", "100.0"]
    assert cells["cat"][1:] == ["60.0", "100.0", "60.0"]
    assert cells["dog"][1:] == ["–", "–", "–"]
    assert cells["mean"][1:] == ["71.7", "91.7", "80.0"]
    assert "80.0" in next(line for line in lines if line.startswith("pixel accuracy"))
    assert "90.0" in next(line for line in lines if line.startswith("labelled"))
    assert lines[-1] == "2 pictures, 100 pixels"
    assert len({len(line) for line in lines[:5]}) == 1, "aligned"
