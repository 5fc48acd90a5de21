"""The swap of patches against a search by hand."""

import torch
from torch import Tensor

from tag2mask.models.transformation.patch_swap import PatchSwap, nearest_patches, swap_patches
from tag2mask.models.transformation.perceptual import Perceptual
from tests.models.scenes import scenes


def patch(features: Tensor, row: int, column: int) -> Tensor:
    return features[0, :, row : row + 3, column : column + 3].flatten()


def random_features(height: int, width: int, seed: int) -> Tensor:
    return torch.randn(1, 5, height, width, generator=torch.Generator().manual_seed(seed))


def test_nearest_is_that_of_a_search():
    content, style = random_features(7, 6, 0), random_features(5, 8, 1)
    found = nearest_patches(content, style)
    assert found.shape == (5, 4)
    style_patches = torch.stack([patch(style, r, c) for r in range(3) for c in range(6)])
    for row in range(5):
        for column in range(4):
            similarity = torch.cosine_similarity(style_patches, patch(content, row, column)[None])
            assert found[row, column] == similarity.argmax()


def test_swap_averages_where_patches_overlap():
    content, style = random_features(6, 5, 0), random_features(4, 7, 1)
    total, count = torch.zeros_like(content), torch.zeros_like(content)
    for row, numbers in enumerate(nearest_patches(content, style).tolist()):
        for column, number in enumerate(numbers):
            chosen = patch(style, number // 5, number % 5).view(5, 3, 3)
            total[0, :, row : row + 3, column : column + 3] += chosen
            count[0, :, row : row + 3, column : column + 3] += 1
    torch.testing.assert_close(swap_patches(content, style), total / count)


@torch.no_grad()
def test_a_image_swapped_with_itself_stays_itself():
    image = scenes(1, seed=3)["image"]
    for backbone, stage in (("efficientnet_lite0", "c2"), ("tiny", "c3")):
        features = Perceptual(backbone, (stage,))(image)[stage]
        numbers = nearest_patches(features, features).flatten()
        assert torch.equal(numbers, torch.arange(len(numbers)))
        torch.testing.assert_close(swap_patches(features, features), features)


def test_features_of_two_pixels_are_swapped():
    content, style = random_features(2, 2, 0), random_features(2, 4, 1)
    assert swap_patches(content, style).shape == content.shape


def test_each_image_of_a_batch_has_its_style():
    content = torch.cat([random_features(6, 6, 0), random_features(6, 6, 1)])
    style = torch.cat([random_features(6, 6, 2), random_features(6, 6, 3)])
    system = PatchSwap(PatchSwap.settings_type(backbone="tiny", size=32))
    both = system.restyle(content, style)
    for number in range(2):
        alone = swap_patches(content[number : number + 1], style[number : number + 1])
        torch.testing.assert_close(both[number : number + 1], alone)
    one_for_all = system.restyle(content, style[:1])
    torch.testing.assert_close(one_for_all[1:], swap_patches(content[1:], style[:1]))
