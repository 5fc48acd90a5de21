"""Check tags: the tagger's word for each tag, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.records.mask_rows import rgb
from tag2mask.pipeline.stages.check_tags import CheckTags
from tag2mask.pipeline.training.model_store import load_model, save_model
from tests.pipeline.toys import CLASSES, image_row


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    uri = str(tmp_path_factory.mktemp("tagger"))
    architecture = Architecture(
        kind="tagger", backbone="tiny", output_stride=8, head="max", classes=len(CLASSES)
    )
    model = architecture.build()
    names = ClassTable(names=tuple(CLASSES))
    save_model(uri, model, architecture=architecture, classes=names, key="k", training={})
    return uri


def test_probabilities_are_those_of_the_tags_in_their_order(tagger: str) -> None:
    row = image_row(0, [1, 3])
    (checked,) = CheckTags(tagger, size=64)([row])
    model, _ = load_model(tagger, "tagger")
    image = Image.fromarray(rgb(row))
    factor = 64 / max(image.size)
    extent = tuple(round(side * factor) for side in reversed(image.size))
    pixels = torch.from_numpy(rgb(row)).permute(2, 0, 1)[None].float()
    scaled = torch.nn.functional.interpolate(pixels, extent, mode="bilinear", antialias=True)
    with torch.no_grad():
        logits = model(scaled).logits[0].numpy()
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(checked["tag_probability"], expected[[0, 2]], rtol=1e-5)
    assert {**checked, "tag_probability": None} == {**row, "tag_probability": None}


def test_a_row_does_not_depend_on_its_batch(tagger: str) -> None:
    rows = [image_row(0, [1]), image_row(1, [2, 3]), image_row(2, [1])]
    stage = CheckTags(tagger, size=48)
    together = stage(rows)
    assert [stage([row])[0]["tag_probability"] for row in rows] == [
        row["tag_probability"] for row in together
    ]
    assert [len(row["tag_probability"]) for row in together] == [1, 2, 1]
