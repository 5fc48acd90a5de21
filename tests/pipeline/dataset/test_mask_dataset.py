"""Random access: the samples are the rows, alone or with several workers."""

import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from tag2mask.pipeline.dataset import MaskDataset, RowFilter
from tag2mask.pipeline.errors import UserError
from tests.pipeline.dataset.conftest import COUNT
from tests.pipeline.small_tables import images_table
from tests.pipeline.toys import CLASSES


def pixels(row, name):
    with Image.open(io.BytesIO(row[name]["bytes"])) as image:
        return np.array(image)


def test_a_sample_is_a_row(dataset, expected):
    samples = MaskDataset(dataset.uri)
    assert len(samples) == COUNT
    for index in (0, 1, 77, -1):
        sample, row = samples[index], expected[index]
        assert sample["id"] == row["id"]
        assert isinstance(sample["image"], tv_tensors.Image)
        assert isinstance(sample["mask"], tv_tensors.Mask)
        np.testing.assert_array_equal(sample["image"].permute(1, 2, 0), pixels(row, "image"))
        np.testing.assert_array_equal(sample["mask"], pixels(row, "mask"))
        assert (1 + np.flatnonzero(sample["tags"])).tolist() == row["tags"]
        assert sample["tags"].shape == (len(CLASSES),)
        assert sample["confidence"] == row["object_confidence"]


def test_positions_end(dataset):
    samples = MaskDataset(dataset.uri)
    for index in (COUNT, -COUNT - 1):
        with pytest.raises(IndexError):
            samples[index]


def test_image_and_mask_are_transformed_alike(dataset):
    # A toy's color says its class, so any geometry that the two do not share shows.
    plain = MaskDataset(dataset.uri)
    turned = MaskDataset(
        dataset.uri,
        transform=v2.Compose(
            [v2.RandomHorizontalFlip(1.0), v2.RandomCrop(32), v2.Resize(64, antialias=False)]
        ),
    )
    for index in range(0, COUNT, 40):
        sample = turned[index]
        assert sample["image"].shape == (3, 64, 64)
        assert sample["mask"].shape == (64, 64)
        assert set(sample["mask"].unique().tolist()) <= set(plain[index]["mask"].unique().tolist())
        # The brightest channel of red, green and blue toys is that of their class.
        inside = sample["image"].max(dim=0).values > 128
        agree = ((sample["mask"] > 0) == inside).float().mean()
        assert agree > 0.97


@pytest.mark.parametrize("context", ["forkserver", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_read_every_row_once(dataset, expected, context):
    loader = DataLoader(
        MaskDataset(dataset.uri),
        batch_size=16,
        shuffle=True,
        num_workers=2,
        multiprocessing_context=context,
    )
    seen = {}
    for batch in loader:
        assert batch["image"].shape[1:] == (3, 48, 64)
        seen |= dict(zip(batch["id"], batch["mask"], strict=True))
    assert len(seen) == COUNT
    for row in expected[::25]:
        np.testing.assert_array_equal(seen[row["id"]], pixels(row, "mask"))


def test_it_travels_to_another_process(dataset):
    samples = MaskDataset(dataset.uri, where=RowFilter(tags=("dog",)))
    copy = pickle.loads(pickle.dumps(samples))
    assert len(copy) == len(samples)
    torch.testing.assert_close(copy[3]["image"], samples[3]["image"])


def test_other_tables_are_refused(tmp_path):
    uri = images_table(tmp_path, 4).uri
    with pytest.raises(UserError, match="not a published dataset"):
        MaskDataset(uri)
    with pytest.raises(UserError, match="no table at"):
        MaskDataset(str(tmp_path / "absent"))
