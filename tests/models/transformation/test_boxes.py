"""Boxes of regions against scikit-image's, and their decoding."""

import torch
from skimage.measure import label, regionprops
from torchvision.ops import box_iou

from tag2mask.models.transformation.boxes import centeredness, decode, distances, overlap
from tests.models.scenes import CLASSES, scenes


def boxes_of(mask):
    """(class, left, top, right, bottom, coordinates) of every region."""
    for value in range(1, CLASSES + 1):
        for region in regionprops(label((mask == value).numpy(), connectivity=1)):
            top, left, bottom, right = region.bbox
            yield value, left, top, right, bottom, region.coords


def test_every_pixel_has_the_box_of_its_region():
    masks = scenes(4, seed=0)["mask"]
    masks[:, :, 30] = 0  # cuts regions in two
    masks[:, 10] = 255
    sides = distances(masks)
    expected = torch.zeros_like(sides)
    for n, mask in enumerate(masks):
        for _, left, top, right, bottom, pixels in boxes_of(mask):
            for y, x in pixels:
                middle = x + 0.5, y + 0.5
                expected[n, :, y, x] = torch.tensor(
                    [middle[0] - left, middle[1] - top, right - middle[0], bottom - middle[1]]
                )
    assert torch.equal(sides, expected)


def test_a_spiral_is_one_region():
    mask = torch.zeros(1, 9, 9, dtype=torch.int64)
    mask[0, ::2] = 1
    mask[0, 1, 8] = mask[0, 3, 0] = mask[0, 5, 8] = mask[0, 7, 0] = 1
    left, top, right, bottom = distances(mask)[0, :, 4, 4]
    assert (left, top, right, bottom) == (4.5, 4.5, 4.5, 4.5)


def test_centers_are_one_and_sides_are_zero():
    sides = torch.tensor([[2.0, 3.0, 2.0, 3.0], [0.0, 3.0, 4.0, 3.0], [1.0, 3.0, 4.0, 3.0]])
    assert centeredness(sides.view(3, 4, 1, 1)).flatten().tolist() == [1.0, 0.0, 0.5]


def test_overlap_is_that_of_torchvision():
    sides, others = 10 * torch.rand(2, 6, 4, generator=torch.Generator().manual_seed(0))
    signs = torch.tensor([-1, -1, 1, 1])
    expected = box_iou(50 + signs * sides, 50 + signs * others).diagonal()
    ours = overlap(sides.view(6, 4, 1, 1), others.view(6, 4, 1, 1)).flatten()
    torch.testing.assert_close(ours, expected)


def test_perfect_maps_give_every_large_region_once():
    masks = scenes(6, seed=3, things=1)["mask"]
    sides = distances(masks)
    planes = masks.unsqueeze(1) == torch.arange(1, CLASSES + 1).view(1, -1, 1, 1)
    found = decode(planes * centeredness(sides).unsqueeze(1), sides, threshold=0.3)
    for mask, boxes in zip(masks, found, strict=True):
        ((value, *corners, _),) = boxes_of(mask)
        assert boxes.labels.tolist() == [value]
        assert boxes.corners[0].tolist() == corners
        assert boxes.scores[0] > 0.5


def test_nothing_is_found_where_nothing_is():
    (boxes,) = decode(torch.zeros(1, 3, 8, 8), torch.ones(1, 4, 8, 8), threshold=0.3)
    assert boxes.corners.shape == (0, 4)
