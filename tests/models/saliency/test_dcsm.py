"""DCSM: the arithmetic by hand, the whole against a second implementation, and its economy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tag2mask.models.saliency.dcsm import (
    Dcsm,
    DcsmCaffe,
    GuidedGradients,
    lay_on_canvas,
    normalized,
    rectified_difference,
    squashed,
    with_opponents,
)
from tests.models.randomized import assert_same, random_images, random_tagger
from tests.models.saliency.dcsm_port import caffe_dcsm, guided_gradients, matlab_dcsm

SURE, UNSEEN = 0.9, 0.1
T3 = math.tanh(3)


class ToyGradients:
    """Stands in for the network: given probabilities and given gradients.

    Args:
        seen: Side of the input to the probability of each class.
        layers: Side of the input to the layers' gradients, each (C, h, w), one channel.
    """

    def __init__(self, seen: dict[int, list[float]], layers: dict[int, list[Tensor]]):
        self.seen = seen
        self.layers = layers
        self.asked: dict[int, list[int]] = {}

    def __call__(self, image: Tensor) -> "ToyResponse":
        return ToyResponse(self, image.shape[-1])


class ToyResponse:
    def __init__(self, toy: ToyGradients, side: int):
        self.toy = toy
        self.side = side
        self.probabilities = torch.tensor(toy.seen[side])

    def gradients(self, classes: Tensor) -> list[Tensor]:
        self.toy.asked[self.side] = classes.tolist()
        return [layer[classes][:, None] for layer in self.toy.layers[self.side]]


def toy(scorer, seen, layers):
    """The scorer over given gradients: lists of layers of classes of rows, by input side."""
    tensors = {
        side: [torch.as_tensor(layer, dtype=torch.float32) for layer in given]
        for side, given in layers.items()
    }
    scorer.gradients = ToyGradients(seen, tensors)
    return scorer


def maps_of(scorer, classes, side=2):
    return scorer(torch.zeros(3, side, side), torch.tensor(classes))


@pytest.fixture
def small():
    return Dcsm(random_tagger(), canvas=2, scales=(1.0,), candidates=2)


class TestArithmetic:
    LAYERS = ([[[4, 2], [1, 0]], [[0, 1], [1, 2]]], [[[1, 0], [0, 2]], [[0, 0], [1, 0]]])

    def test_by_hand(self, small):
        """Differences of class 0: [4 1; 0 -2] / 4 and [1 0; -1 2] / 2."""
        scorer = toy(small, {2: [SURE, SURE]}, {2: self.LAYERS})
        maps = maps_of(scorer, [0, 1])
        summed = np.array([[T3 + math.tanh(1.5), math.tanh(0.75)], [0, T3]])
        expected = np.tanh(3 * summed / summed.max()) / T3
        assert expected == pytest.approx(np.array([[1, 0.7665], [0, 0.9219]]), abs=2e-4)
        torch.testing.assert_close(maps[0], torch.tensor(expected, dtype=torch.float32))
        # Of class 1: [-4 -1; 0 2] / 2 and [-1 0; 1 -2] / 1, each with a single positive.
        torch.testing.assert_close(maps[1], torch.tensor([[0.0, 0.0], [1.0, 1.0]]))

    def test_negative_gradients_count_by_their_size(self, small):
        flipped = [(-np.array(layer)).tolist() for layer in self.LAYERS]
        plain, negative = (
            maps_of(toy(small, {2: [SURE, SURE]}, {2: layers}), [0, 1])
            for layers in (self.LAYERS, flipped)
        )
        assert torch.equal(plain, negative)

    @pytest.mark.parametrize("factor", [1e-12, 1e-3, 1e6])
    def test_magnitude_of_the_gradients_does_not_matter(self, small, factor):
        """Each layer, scale and pair is divided by its own maximum."""
        scaled = [(np.array(self.LAYERS[0]) * factor).tolist(), self.LAYERS[1]]
        plain, other = (
            maps_of(toy(small, {2: [SURE, SURE]}, {2: layers}), [0, 1])
            for layers in (self.LAYERS, scaled)
        )
        torch.testing.assert_close(plain, other)

    def test_a_class_that_is_weaker_everywhere_contributes_nothing(self):
        """Divided by its negative maximum, the difference would turn positive everywhere."""
        weak = torch.tensor([[0.0, 1.0], [2.0, 0.5]])
        strong = weak + torch.tensor([[1.0, 2.0], [0.1, 3.0]])
        assert torch.equal(rectified_difference(weak, strong), torch.zeros(2, 2))
        assert (rectified_difference(strong, weak) > 0).all()

    def test_equal_classes_contribute_nothing(self, small):
        layer = [[[4, 2], [1, 0]], [[4, 2], [1, 0]]]
        maps = maps_of(toy(small, {2: [SURE, SURE]}, {2: [layer]}), [0, 1])
        assert torch.equal(maps, torch.zeros(2, 2, 2))

    def test_a_dead_layer_contributes_nothing(self, small):
        dead = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
        with_dead, without = (
            maps_of(toy(small, {2: [SURE, SURE]}, {2: layers}), [0, 1])
            for layers in ([*self.LAYERS, dead], self.LAYERS)
        )
        assert torch.equal(with_dead, without)

    def test_range(self):
        maps = torch.randn(5, 4, 7, 7, generator=torch.Generator().manual_seed(0))
        differences = rectified_difference(maps[0], maps)
        assert differences.min() == 0
        assert differences.max() == pytest.approx(T3)
        assert normalized(maps.abs()).amax(dim=(2, 3)) == pytest.approx(torch.ones(5, 4))
        assert torch.equal(squashed(-maps.abs()), torch.zeros_like(maps))

    def test_a_lone_class_stands_alone(self):
        """One class known, or one candidate asked for: there is nothing to subtract."""
        strength = torch.tensor([[[4.0, 2.0], [1.0, 0.0]]])
        expected = normalized(torch.tanh(3 * strength / 4))
        for candidates in (0, 1, 4):
            scorer = Dcsm(random_tagger(), canvas=2, scales=(1.0,), candidates=candidates)
            maps = maps_of(toy(scorer, {2: [SURE]}, {2: [strength]}), [0])
            torch.testing.assert_close(maps, expected)

    def test_without_differences_classes_do_not_meet(self):
        scorer = Dcsm(random_tagger(), canvas=2, scales=(1.0,), candidates=0)
        strength = torch.tensor(self.LAYERS[0], dtype=torch.float32)
        maps = maps_of(toy(scorer, {2: [SURE, SURE]}, {2: [strength]}), [0, 1])
        torch.testing.assert_close(maps, normalized(squashed(strength)))


class TestScales:
    """Class 0 is present at the smaller scale alone, class 1 at neither."""

    SMALL = ([[[4, 2], [1, 0]], [[0, 1], [1, 2]]],)
    LARGE = (np.kron([[[0, 1], [5, 0]], [[3, 0], [0, 1]]], np.ones((2, 2))).tolist(),)
    SEEN = {2: [SURE, UNSEEN], 4: [UNSEEN, UNSEEN]}  # noqa: RUF012 - read only

    @pytest.fixture
    def both(self):
        return Dcsm(random_tagger(), canvas=2, scales=(1.0, 2.0), candidates=2)

    def test_a_class_accumulates_at_scales_where_it_is_present(self, both, small):
        maps = maps_of(toy(both, self.SEEN, {2: self.SMALL, 4: self.LARGE}), [0, 1])
        once = maps_of(toy(small, {2: [SURE, SURE]}, {2: self.SMALL}), [0, 1])
        torch.testing.assert_close(maps[0], once[0])

    def test_a_tag_that_is_present_nowhere_accumulates_everywhere(self, both):
        layers = {2: self.SMALL, 4: self.LARGE}
        maps = maps_of(toy(both, self.SEEN, layers), [0, 1])
        ungated = maps_of(toy(both, {2: [SURE, SURE], 4: [SURE, SURE]}, layers), [0, 1])
        torch.testing.assert_close(maps[1], ungated[1])
        assert not torch.allclose(maps[0], ungated[0])

    def test_no_backward_pass_at_a_scale_without_a_present_tag(self, both):
        seen = {2: [SURE, UNSEEN], 4: [UNSEEN, SURE]}
        maps_of(toy(both, seen, {2: self.SMALL, 4: self.LARGE}), [0])
        assert [*both.gradients.asked] == [2]

    def test_exactly_one_half_is_not_present(self, both):
        maps_of(toy(both, {2: [SURE, 0], 4: [0.5, 0]}, {2: self.SMALL, 4: self.LARGE}), [0])
        assert [*both.gradients.asked] == [2]

    def test_inputs_have_the_sizes_of_the_reference(self):
        scorer = Dcsm(random_tagger(classes=1))
        sides = (400, 500, 600)
        layer = torch.ones(1, 1, 1)
        toy(scorer, {side: [SURE] for side in sides}, {side: [layer] for side in sides})
        maps_of(scorer, [0])
        assert [*scorer.gradients.asked] == [*sides]


class TestOpponents:
    EVIDENCE = torch.tensor([0.3, 2.1, 0.1, 1.7, 0.9, 0.2])

    @pytest.mark.parametrize(
        ("tags", "number", "expected"),
        [
            ([2], 4, [2, 1, 3, 4]),
            ([3], 4, [3, 1, 4, 0]),
            ([1, 0], 4, [1, 0, 3, 4]),
            ([5, 4, 3, 2], 4, [5, 4, 3, 2]),
            ([5, 4, 3, 2, 1], 4, [5, 4, 3, 2, 1]),
            ([2], 3, [2, 1, 3]),
            ([2], 1, [2]),
            ([2], 0, [2]),
            ([2], 9, [2, 1, 3, 4, 0, 5]),
        ],
    )
    def test_the_strongest_others_join(self, tags, number, expected):
        found = with_opponents(torch.tensor(tags), self.EVIDENCE, number)
        assert found.tolist() == expected

    def test_evidence_is_summed_over_the_scales(self):
        scorer = Dcsm(random_tagger(), canvas=2, scales=(1.0, 2.0))
        layer = torch.ones(6, 1, 1)
        # Class 5 is the strongest at one scale, but 1, 2 and 3 are stronger in sum.
        seen = {2: [SURE, 0.5, 0.5, 0.5, 0.0, 0.8], 4: [SURE, 0.6, 0.5, 0.4, 0.0, 0.0]}
        maps_of(toy(scorer, seen, {2: [layer], 4: [layer]}), [0])
        assert scorer.gradients.asked == {2: [0, 1, 2, 3], 4: [0, 1, 2, 3]}


class TestCanvas:
    @pytest.mark.parametrize(
        ("size", "place"),
        [
            ((10, 20), (slice(10, 30), slice(0, 40))),
            ((20, 10), (slice(0, 40), slice(10, 30))),
            ((80, 60), (slice(0, 40), slice(5, 35))),
            ((1, 400), (slice(19, 20), slice(0, 40))),
        ],
    )
    def test_the_longer_side_fills_the_square(self, size, place):
        canvas, covered = lay_on_canvas(torch.full((3, *size), 200.0), 40)
        assert canvas.shape == (1, 3, 40, 40)
        assert covered == place
        expected = torch.zeros(1, 3, 40, 40)
        expected[:, :, place[0], place[1]] = 200
        torch.testing.assert_close(canvas, expected)

    def test_a_image_that_fits_is_not_resampled(self):
        image = random_images(3, 40, 30)
        canvas, place = lay_on_canvas(image, 40)
        assert torch.equal(canvas[0, :, place[0], place[1]], image)


def half_seen(tagger, image):
    """Moves the logits so that about half of the classes are present in an image."""
    with torch.no_grad():
        highest = tagger(image[None]).class_maps.amax(dim=(0, 2, 3))
        tagger.classifier.bias -= highest.median() + 0.01
    return tagger


@pytest.mark.parametrize("variant", [(Dcsm, matlab_dcsm), (DcsmCaffe, caffe_dcsm)])
class TestAgainstThePort:
    """In double precision: in single, rounding decides which of two equals a pool passes on."""

    @pytest.mark.parametrize(
        ("size", "tags", "seed"),
        [((48, 64), [2], 0), ((60, 41), [4, 1], 1), ((33, 33), [5, 0, 3, 2, 1], 2)],
    )
    def test_tiny_backbone(self, variant, size, tags, seed):
        ours, theirs = variant
        image = random_images(3, *size, seed=seed).double()
        tagger = half_seen(random_tagger(seed=seed).double(), image)
        maps = ours(tagger, canvas=56)(image, torch.tensor(tags))
        assert maps.numpy() == pytest.approx(theirs(tagger, image, tags, 56), abs=1e-7)

    @pytest.mark.slow
    def test_vgg16(self, variant):
        ours, theirs = variant
        image = random_images(3, 48, 60, seed=3).double()
        tagger = half_seen(random_tagger("vgg16").double(), image)
        maps = ours(tagger, canvas=64)(image, torch.tensor([1, 4]))
        assert maps.numpy() == pytest.approx(theirs(tagger, image, [1, 4], 64), abs=1e-7)


class TestGuidedGradients:
    @pytest.mark.parametrize("taps", [None, ["conv5_1", "conv3_2"], ["conv2_2"]])
    def test_agrees_with_the_port(self, taps):
        tagger = random_tagger().double()
        tagger.backbone.taps = tuple(
            name for name in tagger.backbone.layers if name in (taps or tagger.backbone.taps)
        )
        image = random_images(3, 40, 32).double()
        response = GuidedGradients(tagger, taps or tagger.backbone.taps)(image[None])
        gradients = response.gradients(torch.tensor([3, 0]))
        for index, class_index in enumerate((3, 0)):
            port = guided_gradients(tagger, image, class_index)
            assert [*port] == [*tagger.backbone.taps]
            for ours, theirs in zip(gradients, port.values(), strict=True):
                assert_same(ours[index], torch.from_numpy(theirs), tolerance=1e-12)

    def test_gradients_are_signed(self):
        response = GuidedGradients(random_tagger(), ["conv3_1", "conv4_2"])(
            random_images(1, 3, 40, 32)
        )
        for gradient in response.gradients(torch.tensor([0, 1])):
            assert gradient.min() < 0 < gradient.max()

    @pytest.mark.parametrize("backbone", ["tiny", "efficientnet_lite0", "resnet50"])
    def test_one_batch_gives_the_results_of_single_signals(self, backbone):
        gradients = GuidedGradients(*tagger_and_taps(backbone))
        image = random_images(1, 3, 48, 48)
        together = gradients(image).gradients(torch.tensor([2, 0, 1]))
        for index, class_index in enumerate((2, 0, 1)):
            alone = gradients(image).gradients(torch.tensor([class_index]))
            for ours, theirs in zip(together, alone, strict=True):
                assert_same(ours[index], theirs[0], tolerance=1e-4)

    @pytest.mark.parametrize("lowest", ["conv3_1", "conv4_2"])
    def test_one_pass_whose_graph_ends_at_the_lowest_tap(self, lowest):
        tagger = random_tagger()
        gradients = GuidedGradients(tagger, [lowest, "conv5_2"])
        passes: list[tuple[str, int, bool]] = []
        for name, layer in gradients.tagger.backbone.layers.items():
            layer.register_forward_hook(
                lambda _, __, y, name=name: passes.append((name, len(y), y.requires_grad))
            )
        response = gradients(random_images(1, 3, 32, 32))
        response.gradients(torch.tensor([0, 1, 2]))
        names = [*tagger.backbone.layers]
        assert passes == [(name, 1, names.index(name) >= names.index(lowest)) for name in names]

    def test_probabilities_are_the_highest_anywhere(self):
        tagger = random_tagger()
        image = random_images(1, 3, 40, 40)
        with torch.no_grad():
            expected = tagger(image).class_maps[0].flatten(1).max(dim=1).values.sigmoid()
        torch.testing.assert_close(
            GuidedGradients(tagger, ["conv3_1"])(image).probabilities, expected
        )

    @pytest.mark.parametrize("taps", [[], ["conv9_1"], ["conv3_1", "conv9_1"]])
    def test_unknown_taps_are_named(self, taps):
        with pytest.raises(ValueError, match="conv5_2"):
            GuidedGradients(random_tagger(), taps)


def tagger_and_taps(backbone):
    tagger = random_tagger(backbone)
    return tagger, tagger.backbone.taps


class TestCaffe:
    def test_negatives_are_kept_until_the_end(self):
        """At the lower left, class 0 loses against one opponent as much as it wins otherwise."""
        scorer = DcsmCaffe(random_tagger(), canvas=2)
        layer = [[[2, 1], [1, 0]], [[0, 1], [2, 0]], [[0, 0], [0, 0]]]
        maps = maps_of(toy(scorer, {2: [SURE] * 3}, {2: [layer]}), [0])
        # Differences: [2 0; -1 0] / 2 and [2 1; 1 0] / 2.
        stacked = np.array([[2 * T3, math.tanh(1.5)], [math.tanh(-1.5) + math.tanh(1.5), 0]])
        expected = np.tanh(3 * stacked / stacked.max()) / T3
        assert maps[0].numpy() == pytest.approx(expected, abs=1e-6)
        assert maps[0, 1, 0] == pytest.approx(0, abs=1e-6)

    def test_the_maximum_is_signed(self):
        scorer = DcsmCaffe(random_tagger(), canvas=2)
        layer = [[[1, -9], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]
        maps = maps_of(toy(scorer, {2: [SURE] * 3}, {2: [layer]}), [0])
        assert maps[0].tolist() == [[1, 0], [0, 0]]

    def test_three_candidates(self):
        scorer = DcsmCaffe(random_tagger(), canvas=2)
        seen = {2: [0.2, 0.9, 0.4, 0.6, 0.1, 0.3]}
        maps_of(toy(scorer, seen, {2: [torch.ones(6, 1, 1)]}), [0])
        assert scorer.gradients.asked == {2: [0, 1, 3]}

    def test_a_lone_class_stands_alone(self):
        scorer = DcsmCaffe(random_tagger(), canvas=2)
        maps = maps_of(toy(scorer, {2: [SURE]}, {2: [[[[4, 2], [1, 0]]]]}), [0])
        assert maps[0, 0, 0] == pytest.approx(1)
        assert maps[0, 1, 1] == 0
        assert maps[0, 0, 1] > maps[0, 1, 0] > 0
