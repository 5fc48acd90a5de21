"""Predictions for a folder: a palette PNG under the stem of each image."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.prediction import predict_folder
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor
from tag2mask.pipeline.stages.segment import predict_logits
from tag2mask.pipeline.training.model_store import load_model
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import CLASSES, image_row

SIZE = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A segmenter of a run that labeled at 64 pixels."""
    relabel = RelabelSettings(size=SIZE).model_dump(mode="json")
    return stored_model(
        tmp_path_factory.mktemp("models"), "segmenter", "deeplab_v1", 8, {"relabel": relabel}
    )


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.v2.PNG")):
        (folder / name).write_bytes(image_row(number, [1 + number])["image"]["bytes"])
    (folder / "notes.txt").write_text("no image")
    return folder


def test_masks_are_what_the_model_sees_at_the_size_of_its_run(model, images, tmp_path):
    assert predict_folder(model, str(images), str(tmp_path / "out")) == (2, [])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a.png", "b.v2.png", "classes.txt"}
    assert (tmp_path / "out/classes.txt").read_text().split() == list(CLASSES)
    segmenter, _ = load_model(model, "segmenter")
    for image, mask in (("a.png", "a.png"), ("b.v2.PNG", "b.v2.png")):
        pixels = np.array(Image.open(images / image))
        logits = predict_logits(segmenter, as_tensor(pixels), SIZE, (1.0,))
        full = interpolate(logits[None], pixels.shape[:2], mode="bilinear")[0]
        found = decode_mask((tmp_path / "out" / mask).read_bytes())
        np.testing.assert_array_equal(found, full.argmax(dim=0).numpy())


def test_other_settings_are_taken(model, images, tmp_path):
    predict_folder(model, str(images), str(tmp_path / "one"))
    predict_folder(model, str(images), str(tmp_path / "two"), RelabelSettings(size=200))
    one, two = (decode_mask((tmp_path / name / "a.png").read_bytes()) for name in ("one", "two"))
    assert one.shape == two.shape
    assert (one != two).any()


def test_a_rotated_image_gets_an_upright_mask(model, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (40, 20), "red").save(folder / "a.jpg", exif=exif)
    predict_folder(model, str(folder), str(tmp_path / "out"))
    with Image.open(tmp_path / "out/a.png") as mask:
        assert mask.size == (20, 40)


def test_unreadable_images_are_reported(model, images, tmp_path):
    (images / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    written, failed = predict_folder(model, str(images), str(tmp_path / "out"))
    assert written == 2
    (sentence,) = failed
    assert sentence.startswith("cut.jpg: ")
    assert not (tmp_path / "out/cut.png").exists()


def complaint(model, images, out):
    with pytest.raises(UserError) as caught:
        predict_folder(str(model), str(images), str(out))
    return str(caught.value)


def test_wrong_input(model, images, tmp_path):
    out = tmp_path / "out"
    assert "no model" in complaint(tmp_path / "absent", images, out)
    assert "absent" in complaint(model, tmp_path / "absent", out)
    assert "another --out" in complaint(model, images, images)
    assert "another --out" in complaint(model, images, f"{images}/")
    (tmp_path / "file").write_text("")
    assert "cannot write" in complaint(model, images, tmp_path / "file/out")
    (tmp_path / "empty").mkdir()
    assert "no images" in complaint(model, tmp_path / "empty", out)
    (images / "a.jpg").write_bytes((images / "a.png").read_bytes())
    assert "have the stem a" in complaint(model, images, out)
    assert not out.exists()


def test_nothing_can_be_read(model, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"nothing")
    text = complaint(model, tmp_path / "images", tmp_path / "out")
    assert "none of the 1 images" in text
    assert "a.jpg" in text
    assert not (tmp_path / "out").exists()


@pytest.fixture(autouse=True)
def _no_graph():
    with torch.no_grad():
        yield
