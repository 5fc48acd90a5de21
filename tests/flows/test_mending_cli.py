"""The commands export, review and correct: what they print, and one sentence for bad input."""

import json
from pathlib import Path

import pytest

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask, encode_mask
from tests.pipeline.toys import SilentReporter, images_table, round_table, tiny_recipe


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("mending")
    run = Run(str(root), tiny_recipe(), LocalEngine(1), SilentReporter())
    images = images_table(root, 5)
    return release(run, images, round_table(root, images, "powerful")).uri


def test_export_says_what_it_wrote_and_lost(command, dataset, tmp_path):
    code, out, _ = command("export", dataset, "--format", "yolo", "--out", tmp_path / "yolo")
    assert code == 0
    head, *_, lost = out.splitlines()
    assert head == f"5 images and masks in {tmp_path / 'yolo'} (yolo): train 4, val 1"
    assert "polygons have a mean IoU of 1.0000 with the objects; ignored pixels" in lost
    assert (tmp_path / "yolo/data.yaml").is_file()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--format", "vox"), "unknown format 'vox': choose one of voc, coco"),
        (("--format", "voc", "--classes", "dgo"), "unknown class 'dgo'"),
        (
            ("--format", "coco", "--objects", "thing"),
            "objects 'thing': Input should be 'component'",
        ),
        (("--format", "coco", "--min-area", "3"), "min-area 3.0: Input should be less than 1"),
        (("--format", "coco", "--val", "0.6", "--test", "0.4"), "the shares of val and test leave"),
    ],
)
def test_export_of_bad_input(command, dataset, tmp_path, options, part):
    code, out, err = command("export", dataset, "--out", tmp_path / "out", *options)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"tag2mask: {part}")
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_export_with_options(command, dataset, tmp_path):
    options = ("--min-area", 0, "--objects", "class", "--shapes", "rle", "--val", 0.4, "--seed", 1)
    code, out, _ = command(
        "export", dataset, "--format", "coco", "--out", tmp_path / "coco", *options
    )
    assert code == 0
    head, objects, lost = out.splitlines()
    assert head == f"5 images and masks in {tmp_path / 'coco'} (coco): train 3, val 2"
    assert objects.endswith(" objects")
    assert lost.startswith("every pixel is kept")


def test_push_to_hub_lists_what_it_would_upload(command, dataset):
    code, out, _ = command("push-to-hub", dataset, "me/masks", "--dry-run")
    assert code == 0
    *files, last = out.splitlines()
    assert {"README.md", "croissant.json", "manifest.json"} <= {line.split()[1] for line in files}
    assert last.startswith(f"dry run: {len(files)} files")
    assert last.endswith("would be uploaded to the dataset me/masks")


def test_review_and_correct(command, dataset, tmp_path):
    code, out, _ = command("review", dataset, "--out", tmp_path / "set", "--count", 3)
    assert code == 0
    assert f"tag2mask correct {dataset} {tmp_path / 'set'}" in out
    file = min((tmp_path / "set/SegmentationClass").iterdir())
    mask = decode_mask(file.read_bytes())
    mask[:4] = 255
    file.write_bytes(encode_mask(mask))
    code, out, _ = command("correct", dataset, tmp_path / "set", "--editor", "me")
    assert code == 0
    assert out.startswith("1 corrected, 0 confirmed, 2 unchanged and not taken")
    assert "run the label command of this run again" in out
    code, out, err = command("correct", dataset, tmp_path)
    assert (code, out) == (2, "")
    assert "holds no edited masks: looked for" in err


def test_correct_asks_by_name(command, dataset, tmp_path):
    arguments = ("review", dataset, "--out", tmp_path / "set", "--format", "coco", "--count", 2)
    assert command(*arguments)[0] == 0
    file = tmp_path / "set/annotations/instances_train.json"
    document = json.loads(file.read_text())
    document["annotations"] = []
    file.write_text(json.dumps(document))
    code, out, err = command("correct", dataset, tmp_path / "set")
    assert (code, out) == (2, "")
    sentence = err.splitlines()[-1]
    assert sentence.startswith(f"tag2mask: 2 of 2 masks in {tmp_path / 'set'} show no class")
    assert all(Path(image["file_name"]).stem in sentence for image in document["images"])
    code, out, _ = command("correct", dataset, tmp_path / "set", "--allow-empty")
    assert (code, out[:12]) == (0, "2 corrected,")
    code, out, err = command("correct", dataset, tmp_path / "set", "--crowd", "both")
    assert (code, out) == (2, "")
    assert "choose one of class, ignore" in err.splitlines()[-1]
