"""Predictions for a folder: a palette PNG under the stem of each image."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.prediction import PredictSettings, full_size_logits, predict_folder
from tag2mask.pipeline.progress import SILENT
from tag2mask.pipeline.records import decode_map, decode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor
from tag2mask.pipeline.report.contact_sheet import overlay
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.segment import LOGITS, Segment, predict_logits
from tag2mask.pipeline.training.model_store import load_model
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import CLASSES, image_row, png

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


def tree(folder):
    """The files below a folder and their bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def predict(model, images, out, reporter=SILENT, **options):
    return predict_folder(
        str(model), str(images), str(out), None, reporter, PredictSettings(**options)
    )


class Counts:
    """Keeps the counts and lines that a reporter is given."""

    def __init__(self):
        self.done, self.lines = [], []

    def info(self, sentence):
        self.lines.append(sentence)

    def rows(self, step, total):
        return self.done.append

    def steps(self, step, total):
        raise AssertionError("a prediction has no training steps")


def test_subfolders_keep_their_places(model, images, tmp_path):
    (images / "cats/old").mkdir(parents=True)
    (images / "cats/old/a.png").write_bytes((images / "a.png").read_bytes())
    (images / ".hidden").mkdir()
    (images / ".hidden/x.png").write_bytes(b"not listed")
    assert predict(model, images, tmp_path / "out") == (3, [])
    made = tree(tmp_path / "out")
    assert set(made) == {"a.png", "b.v2.png", "cats/old/a.png", "classes.txt"}
    np.testing.assert_array_equal(decode_mask(made["a.png"]), decode_mask(made["cats/old/a.png"]))
    (images / "cats/old/a.jpg").write_bytes(b"")
    assert "have the stem cats/old/a" in complaint(model, images, tmp_path / "two")


def test_one_image(model, images, tmp_path):
    assert predict(model, images / "a.png", tmp_path / "out") == (1, [])
    assert set(tree(tmp_path / "out")) == {"a.png", "classes.txt"}


def test_links_to_images_and_folders_are_followed_once(model, images, tmp_path):
    (images / "loop").symlink_to(images)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.png").write_bytes((images / "a.png").read_bytes())
    (images / "linked").symlink_to(elsewhere)
    (images / "d.png").symlink_to(elsewhere / "c.png")
    assert predict(model, images, tmp_path / "out")[1] == []
    made = set(tree(tmp_path / "out"))
    assert {"a.png", "b.v2.png", "d.png", "linked/c.png"} <= made
    assert not any(name.startswith("loop/loop/") for name in made)


def test_uris_in_and_out(model, images, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    for name, data in tree(images).items():
        memory.pipe_file(f"/predicted-images/sub/{name}", data)
    arguments = (model, "memory://predicted-images", "memory://predicted-masks")
    assert predict(*arguments) == (2, [])
    predict(model, images, tmp_path / "out")
    for name in ("a.png", "b.v2.png"):
        found = memory.cat_file(f"/predicted-masks/sub/{name}")
        expected = (tmp_path / "out" / name).read_bytes()
        np.testing.assert_array_equal(decode_mask(found), decode_mask(expected))
    again = Counts()
    assert predict(*arguments, reporter=again) == (2, [])
    assert again.done == [2]
    memory.pipe_file("/predicted-masks/sub/a.png", b"a file of somebody else")
    assert "choose another --out" in complaint(*arguments)
    assert memory.cat_file("/predicted-masks/sub/a.png") == b"a file of somebody else"


def test_finished_masks_are_kept(model, images, tmp_path):
    out, counts = tmp_path / "out", Counts()
    predict(model, images, out)
    written = {name: (out / name).stat().st_mtime_ns for name in tree(out)}
    (images / "c.png").write_bytes((images / "a.png").read_bytes())
    assert predict(model, images, out, counts) == (3, [])
    assert counts.lines == ["2 of 3 masks are finished and kept"]
    assert counts.done == [2, 3]
    for name in ("a.png", "b.v2.png"):
        assert (out / name).stat().st_mtime_ns == written[name]


def test_masks_of_other_settings_or_images_are_made_again(model, images, tmp_path):
    out = tmp_path / "out"
    predict(model, images, out)
    before = tree(out)
    predict_folder(model, str(images), str(out), RelabelSettings(size=200))
    assert tree(out)["a.png"] != before["a.png"]
    (images / "a.png").write_bytes(image_row(7, [3])["image"]["bytes"])
    counts = Counts()
    predict_folder(model, str(images), str(out), RelabelSettings(size=200), counts)
    assert counts.done == [1, 2]


def test_a_killed_prediction_continues(model, images, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    class Killer(Counts):
        def rows(self, step, total):
            def update(done):
                if done >= 4:
                    raise Killed

            return update

    for number in range(3, 9):
        (images / f"{number}.png").write_bytes(image_row(number, [1])["image"]["bytes"])
    with pytest.raises(Killed):
        predict(model, images, tmp_path / "out", Killer())
    kept = set(tree(tmp_path / "out"))
    assert len(kept) == 4
    counts = Counts()
    assert predict(model, images, tmp_path / "out", counts) == (8, [])
    assert counts.done == [4, 8]
    predict(model, images, tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_batches_make_the_same_masks(model, images, tmp_path):
    for number in range(3, 8):
        (images / f"{number}.png").write_bytes(image_row(number, [1])["image"]["bytes"])
    (images / "wide.png").write_bytes(png(np.full((30, 90, 3), 200, np.uint8)))
    predict(model, images, tmp_path / "one")
    predict(model, images, tmp_path / "four", batch=4)
    one, four = tree(tmp_path / "one"), tree(tmp_path / "four")
    assert set(one) == set(four)
    for name in set(one) - {"classes.txt"}:
        agree = decode_mask(one[name]) == decode_mask(four[name])
        assert agree.mean() > 0.999, name


def test_chosen_classes_alone_are_predicted(model, images, tmp_path):
    segmenter, _ = load_model(model, "segmenter")
    predict(model, images, tmp_path / "out", classes=("bird", "cat"))
    pixels = np.array(Image.open(images / "a.png"))
    logits = full_size_logits(segmenter, pixels, RelabelSettings(size=SIZE))[[0, 1, 3]]
    expected = np.array([0, 1, 3])[logits.argmax(dim=0).numpy()]
    found = decode_mask((tmp_path / "out/a.png").read_bytes())
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(UserError, match="knows no class 'cow': choose some of cat, dog, bird"):
        predict(model, images, tmp_path / "other", classes=("cow",))
    with pytest.raises(UserError, match="no class is chosen"):
        predict(model, images, tmp_path / "other", classes=())
    assert not (tmp_path / "other").exists()


def test_confidence_and_overlays(model, images, tmp_path):
    out = tmp_path / "out"
    predict(model, images, out)
    masks = {name: data for name, data in tree(out).items() if name.endswith(".png")}
    predict(model, images, out, confidence=True, overlay=True)
    made = tree(out)
    assert {name: made[name] for name in masks} == masks
    segmenter, _ = load_model(model, "segmenter")
    pixels = np.array(Image.open(images / "a.png"))
    logits = full_size_logits(segmenter, pixels, RelabelSettings(size=SIZE))
    expected = logits.softmax(dim=0).amax(dim=0).numpy()
    found = decode_map(made["confidence/a.png"])
    np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-6)
    with Image.open(out / "overlay/a.png") as drawn:
        assert drawn.mode == "RGB"
        np.testing.assert_array_equal(np.array(drawn), overlay(pixels, decode_mask(made["a.png"])))
    counts = Counts()
    predict(model, images, out, counts, confidence=True, overlay=True)
    assert counts.done == [2]
    (images / "overlay").mkdir()
    (images / "overlay/a.png").write_bytes((images / "a.png").read_bytes())
    with pytest.raises(UserError, match=r"two files would be called overlay/a\.png"):
        predict(model, images, tmp_path / "other", overlay=True)


def test_the_crf_is_that_of_the_rounds(model, images, tmp_path):
    """With the classes that are found in place of the tags."""
    predict(model, images, tmp_path / "out", crf=True)
    row = image_row(0, [1])
    logits = Segment(model, "round", SIZE, (1.0,), "cpu").logits(
        np.array(Image.open(images / "a.png"))
    )
    tags = [int(tag) for tag in logits.argmax(dim=0).unique() if tag > 0]
    assert tags
    relabel = Relabel(crf="irn", masks={})
    (expected,) = relabel([{**row, "tags": tags, LOGITS: logits[[0, *tags]].numpy()}])
    found = decode_mask((tmp_path / "out/a.png").read_bytes())
    np.testing.assert_array_equal(found, decode_mask(expected["mask"]["bytes"]))


def test_images_behind_a_link_are_not_replaced(model, images, tmp_path, monkeypatch):
    """A folder of images that --out reaches by another name."""
    before = tree(images)
    (tmp_path / "link").symlink_to(images)
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    for out in ("link", "./x/../images", "link/masks", f"file://{tmp_path}/link"):
        assert "choose another --out" in complaint(model, images, out), out
        assert "choose another --out" in complaint(model, tmp_path / "link", out), out
    (tmp_path / "out").mkdir()
    (images / "sub").mkdir()
    (images / "sub/c.jpg").write_bytes(before["a.png"])
    (tmp_path / "out/sub").symlink_to(images / "sub")
    assert "choose another --out" in complaint(model, images, tmp_path / "out")
    (images / "sub/c.jpg").unlink()
    assert tree(images) == before


@pytest.mark.parametrize("name", ["a.png", "classes.txt"])
def test_a_file_of_somebody_else_is_not_replaced(model, images, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    data = image_row(3, [2])["image"]["bytes"]
    (out / name).write_bytes(data)
    text = complaint(model, images, out)
    assert name in text
    assert "choose another --out" in text
    assert tree(out) == {name: data}
