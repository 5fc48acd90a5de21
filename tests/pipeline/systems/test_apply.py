"""Systems at work: from a dataset to a model, from a model to images, on both engines."""

import io

import numpy as np
import pytest
import ray
import torch
from PIL import Image

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IMAGES_SCHEMA, encode_mask
from tag2mask.pipeline.systems.apply import generate_images, transform_images
from tag2mask.pipeline.systems.loading import load_system
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tag2mask.pipeline.systems.train import STAGING, train_system
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import SilentReporter, image_row

TINY = ("training.steps=2", "training.batch=4", "system.size=32", "system.width=4")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return publish_toys(tmp_path_factory.mktemp("run"), 12).uri


def trained(task, dataset, folder, *changes):
    recipe = read_system_recipe(task, None, [*TINY, *changes])
    return train_system(dataset, f"{folder}/{task}", recipe, LocalEngine(1), SilentReporter())


@pytest.fixture(scope="module")
def models(dataset, tmp_path_factory):
    """A generator with tags as a condition, and one that makes photos of masks."""
    folder = tmp_path_factory.mktemp("models")
    for task in ("cgan", "mask_to_photo"):
        trained(task, dataset, folder)
    return folder


def pixels(file):
    return np.asarray(Image.open(file))


class TestTrainSystem:
    def test_a_finished_model_is_found(self, dataset, models):
        before = (models / "cgan" / "model.json").stat().st_mtime_ns
        card = trained("cgan", dataset, models)
        assert (models / "cgan" / "model.json").stat().st_mtime_ns == before
        assert card.classes.names == ("cat", "dog", "bird")
        assert card.training["steps"] == 2

    def test_a_style_of_one_s_own(self, dataset, tmp_path):
        image = tmp_path / "style.png"
        Image.fromarray(np.full((40, 30, 3), (255, 0, 0), np.uint8)).save(image)
        recipe = read_system_recipe("fast_style", None, [*TINY, "system.backbone=tiny"])
        arguments = (recipe, LocalEngine(1), SilentReporter())
        train_system(dataset, f"{tmp_path}/red", *arguments, style=str(image))
        system, _ = load_system(f"{tmp_path}/red")
        assert system.style.mean(dim=(0, 2, 3)).tolist() == pytest.approx([1, -1, -1])
        with pytest.raises(UserError, match="another recipe"):
            train_system(dataset, f"{tmp_path}/red", *arguments)
        with pytest.raises(UserError, match="no image nowhere"):
            train_system(dataset, f"{tmp_path}/no", *arguments, style="nowhere.png")
        image.write_bytes(b"no image")
        with pytest.raises(UserError, match="style cannot be read"):
            train_system(dataset, f"{tmp_path}/no", *arguments, style=str(image))

    def test_a_style_for_a_system_without(self, dataset, tmp_path):
        image = tmp_path / "style.png"
        Image.new("RGB", (8, 8)).save(image)
        recipe = read_system_recipe("dcgan", None, TINY)
        arguments = (recipe, LocalEngine(1), SilentReporter())
        with pytest.raises(UserError, match="'dcgan' does not learn one style"):
            train_system(dataset, f"{tmp_path}/m", *arguments, style=str(image))

    def test_another_recipe_does_not_replace_it(self, dataset, models):
        with pytest.raises(UserError, match="another recipe or dataset"):
            trained("cgan", dataset, models, "training.seed=1")

    def test_files_of_somebody_else_are_not_replaced(self, dataset, tmp_path):
        (tmp_path / "cgan").mkdir()
        (tmp_path / "cgan/samples.png").write_bytes(b"photo")
        with pytest.raises(UserError, match=r"samples\.png would be replaced"):
            trained("cgan", dataset, tmp_path)
        assert [path.name for path in (tmp_path / "cgan").iterdir()] == ["samples.png"]
        assert (tmp_path / "cgan/samples.png").read_bytes() == b"photo"

    def test_one_training_at_a_time(self, dataset, tmp_path):
        with (
            lease(Folder(f"{tmp_path}/cgan"), STAGING),
            pytest.raises(UserError, match="being written to"),
        ):
            trained("cgan", dataset, tmp_path)

    def test_it_can_be_loaded(self, models):
        system, card = load_system(str(models / "cgan"))
        assert system.settings.size == 32
        assert not system.training
        assert card.architecture.name == "cgan"

    def test_nothing_is_left_behind(self, models):
        names = {path.name for path in (models / "cgan").iterdir()}
        assert names == {"model.json", "model.safetensors", "samples.png", "losses.json"}

    def test_a_damaged_model_is_named(self, dataset, tmp_path):
        trained("cgan", dataset, tmp_path)
        weights = tmp_path / "cgan" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        with pytest.raises(UserError, match="not those of the card"):
            load_system(str(tmp_path / "cgan"))


class TestGenerate:
    def test_images(self, models, tmp_path):
        out = tmp_path / "out"
        made = generate_images(
            str(models / "cgan"), str(out), LocalEngine(1), SilentReporter(), count=5, seed=3
        )
        files = sorted(out.glob("*.png"))
        assert (made.images, len(files), made.failed) == (5, 5, ())
        assert len({pixels(file).tobytes() for file in files}) == 5
        assert pixels(files[0]).shape == (32, 32, 3)
        rows = {row["image"]["path"]: row for row in Table.open(made.table).rows()}
        for file in files:
            stored = Image.open(io.BytesIO(rows[file.name]["image"]["bytes"]))
            assert np.array_equal(np.asarray(stored), pixels(file))

    def test_a_image_follows_from_seed_and_number(self, models, tmp_path):
        for name, count in (("few", 2), ("many", 20)):
            generate_images(
                str(models / "cgan"),
                f"{tmp_path}/{name}",
                LocalEngine(1),
                SilentReporter(),
                count=count,
            )
        for file in (tmp_path / "few").glob("*.png"):
            assert np.array_equal(pixels(file), pixels(tmp_path / "many" / file.name))

    def test_files_of_somebody_else_are_not_replaced(self, models, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/0-000001.png").write_bytes(b"photo")
        arguments = (f"{models}/cgan", f"{tmp_path}/out", LocalEngine(1), SilentReporter())
        with pytest.raises(UserError, match=r"0-000001\.png would be replaced"):
            generate_images(*arguments, count=2)
        (tmp_path / "out/0-000001.png").rename(tmp_path / "out/mine.png")
        generate_images(*arguments, count=2)
        generate_images(*arguments, count=3, tags=["cat"])
        assert (tmp_path / "out/mine.png").read_bytes() == b"photo"
        (tmp_path / "two/images").mkdir(parents=True)
        (tmp_path / "two/images/photo.jpg").write_bytes(b"photo")
        with pytest.raises(UserError, match="is no table of images"):
            generate_images(arguments[0], f"{tmp_path}/two", *arguments[2:], count=2)
        assert (tmp_path / "two/images/photo.jpg").read_bytes() == b"photo"

    def test_classes(self, models, tmp_path):
        for name, tags in (("cats", ["cat"]), ("dogs", ["dog"])):
            generate_images(
                str(models / "cgan"),
                f"{tmp_path}/{name}",
                LocalEngine(1),
                SilentReporter(),
                count=1,
                tags=tags,
            )
        cat, dog = (pixels(next((tmp_path / name).glob("*.png"))) for name in ("cats", "dogs"))
        assert not np.array_equal(cat, dog), "the same noise, another class"

    def test_a_sentence(self, dataset, tmp_path):
        trained("text_gan", dataset, tmp_path)
        shown = []
        for number, sentence in enumerate(["a cat left of a dog", "a dog left of a cat"]):
            out = f"{tmp_path}/{number}"
            made = generate_images(
                f"{tmp_path}/text_gan",
                out,
                LocalEngine(1),
                SilentReporter(),
                count=1,
                sentence=sentence,
            )
            assert made.failed == ()
            shown.append(pixels(next((tmp_path / str(number)).glob("*.png"))))
        assert not np.array_equal(*shown), "the same noise, another sentence"
        with pytest.raises(UserError, match="objects of cat, dog, bird"):
            generate_images(
                f"{tmp_path}/text_gan", out, LocalEngine(1), SilentReporter(), sentence="a unicorn"
            )

    def test_who_reads_no_sentence(self, models, tmp_path):
        with pytest.raises(UserError, match="reads no sentences"):
            generate_images(
                str(models / "cgan"),
                str(tmp_path),
                LocalEngine(1),
                SilentReporter(),
                sentence="a cat",
            )

    def test_an_unknown_class(self, models, tmp_path):
        with pytest.raises(UserError, match="unknown class 'cow'"):
            generate_images(
                str(models / "cgan"), str(tmp_path), LocalEngine(1), SilentReporter(), tags=["cow"]
            )

    def test_a_transformer_generates_nothing(self, models, tmp_path):
        with pytest.raises(UserError, match="tag2mask transform"):
            generate_images(
                str(models / "mask_to_photo"), str(tmp_path), LocalEngine(1), SilentReporter()
            )

    @pytest.mark.slow
    def test_ray_makes_the_same(self, models, tmp_path):
        for name, engine in (("local", LocalEngine(1)), ("ray", RayEngine(workers=2))):
            generate_images(
                str(models / "cgan"), f"{tmp_path}/{name}", engine, SilentReporter(), count=20
            )
        ray.shutdown()
        for file in (tmp_path / "local").glob("*.png"):
            assert np.array_equal(pixels(file), pixels(tmp_path / "ray" / file.name))


class TestTransform:
    def test_a_dataset(self, models, dataset, tmp_path):
        made = transform_images(
            str(models / "mask_to_photo"), dataset, str(tmp_path), LocalEngine(1), SilentReporter()
        )
        assert made.images == len(Table.open(dataset))
        assert pixels(next(tmp_path.glob("*.png"))).shape == (48, 64, 3)

    def test_a_folder_of_masks(self, models, tmp_path):
        (tmp_path / "masks").mkdir()
        mask = np.zeros((50, 70), np.uint8)
        mask[10:40, 10:40] = 2
        (tmp_path / "masks" / "a.png").write_bytes(encode_mask(mask))
        (tmp_path / "masks" / "torn.png").write_bytes(encode_mask(mask)[:60])
        made = transform_images(
            str(models / "mask_to_photo"),
            str(tmp_path / "masks"),
            str(tmp_path / "out"),
            LocalEngine(1),
            SilentReporter(),
        )
        assert made.images == 1
        assert len(made.failed) == 1
        assert pixels(tmp_path / "out" / "a.png").shape == (50, 70, 3)

    def test_sizes(self, models, dataset, tmp_path):
        transform_images(
            str(models / "mask_to_photo"),
            dataset,
            str(tmp_path),
            LocalEngine(1),
            SilentReporter(),
            size=32,
        )
        assert pixels(next(tmp_path.glob("*.png"))).shape == (24, 32, 3)

    def test_images_of_one_name_are_kept_apart(self, dataset, tmp_path):
        trained("colorization", dataset, tmp_path)
        rows = [image_row(number, [1]) for number in range(3)]
        paths = ("a/1.png", "b/1.png", "b/2.png")
        for row, path in zip(rows, paths, strict=True):
            row["image"]["path"] = path
        images = writer(tmp_path, "images", IMAGES_SCHEMA)
        images.stage(rows)
        made = transform_images(
            f"{tmp_path}/colorization",
            images.commit().uri,
            f"{tmp_path}/out",
            LocalEngine(1),
            SilentReporter(),
        )
        assert made.images == 3
        names = {f"1-{rows[0]['id']}.png", f"1-{rows[1]['id']}.png", "2.png"}
        assert {path.name for path in (tmp_path / "out").glob("*.png")} == names

    def test_nothing_is_written_among_the_inputs(self, models, dataset, tmp_path):
        folder = tmp_path / "masks"
        folder.mkdir()
        (folder / "a.png").write_bytes(encode_mask(np.zeros((40, 40), np.uint8)))
        (tmp_path / "link").symlink_to(folder)
        before = (folder / "a.png").read_bytes()
        for images, out in ((folder, folder), (folder, tmp_path / "link"), (dataset, dataset)):
            with pytest.raises(UserError, match="choose another --out"):
                transform_images(
                    f"{models}/mask_to_photo",
                    str(images),
                    str(out),
                    LocalEngine(1),
                    SilentReporter(),
                )
        assert [path.name for path in folder.iterdir()] == ["a.png"]
        assert (folder / "a.png").read_bytes() == before

    def test_no_image(self, models, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match="no images"):
            transform_images(
                str(models / "mask_to_photo"),
                str(tmp_path / "empty"),
                str(tmp_path / "out"),
                LocalEngine(1),
                SilentReporter(),
            )
        assert torch.is_grad_enabled()
