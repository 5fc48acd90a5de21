import pytest
import torch
from torch import nn

from tag2mask.models.generation.networks import (
    Downsampler,
    Upsampler,
    eval_mode,
    features_of,
    pyramid,
    with_planes,
)


class TestPyramid:
    @pytest.mark.parametrize(
        ("shape", "coarsest", "shapes"),
        [
            ((64,), 4, [(4,), (8,), (16,), (32,), (64,)]),
            ((96,), 4, [(3,), (6,), (12,), (24,), (48,), (96,)]),
            ((8, 8), 2, [(2, 2), (4, 4), (8, 8)]),
            ((8, 32, 32), 4, [(4, 4, 4), (4, 8, 8), (4, 16, 16), (8, 32, 32)]),
            ((7, 7), 4, [(7, 7)]),
        ],
    )
    def test_shapes(self, shape, coarsest, shapes):
        assert pyramid(shape, coarsest) == shapes


class TestUpsampler:
    def test_it_is_dcgan(self):
        """At 64 pixels and width 64 its layers are those of figure 1, but for kernels of 4."""
        layers = [
            (module.in_channels, module.out_channels, module.kernel_size, module.stride)
            for module in Upsampler(100, 3, (64, 64), width=64).modules()
            if isinstance(module, nn.ConvTranspose2d)
        ]
        assert layers == [
            (100, 512, (4, 4), (1, 1)),
            (512, 256, (4, 4), (2, 2)),
            (256, 128, (4, 4), (2, 2)),
            (128, 64, (4, 4), (2, 2)),
            (64, 3, (4, 4), (2, 2)),
        ]

    @pytest.mark.parametrize("shape", [(16, 16), (24, 24), (4, 16, 16), (16, 16, 16)])
    @torch.no_grad()
    def test_shapes(self, shape):
        network = Upsampler(5, 2, shape, width=4)
        assert network(torch.randn(3, 5), torch.zeros(3, 0, 1, 1)).shape == (3, 2, *shape)

    @torch.no_grad()
    def test_planes_change_the_features_under_them(self):
        network = Upsampler(5, 3, (32, 32), width=8, planes=1).eval()
        planes = torch.zeros(1, 1, 32, 32)
        planes[..., 24:, 24:] = 1
        vector = torch.randn(1, 5)
        change = (network(vector, planes) - network(vector, torch.zeros_like(planes))).abs()
        assert change[..., 26:, 26:].min() > 0
        assert change[..., :4, :4].max() == 0


class TestDownsampler:
    @pytest.mark.parametrize("shape", [(16, 16), (24, 24), (4, 16, 16), (16, 16, 16)])
    @torch.no_grad()
    def test_shapes(self, shape):
        network = Downsampler(2, shape, width=4)
        features = network(torch.randn(3, 2, *shape), torch.zeros(3, 0))
        assert features.flatten(1).shape[1] == network.outputs == features_of(shape, width=4)

    @pytest.mark.parametrize("joins", [0, 1, -1])
    def test_the_vector_and_the_image_act_together(self, joins):
        """Were they only added, the image's effect would not depend on the vector."""
        torch.manual_seed(0)
        network = Downsampler(1, (16, 16), width=4, vector=3, joins=joins).double().eval()
        one, other = torch.randn(2, 1, 1, 16, 16, dtype=torch.float64)
        told, else_told = torch.randn(2, 1, 3, dtype=torch.float64)
        with torch.no_grad():
            effects = [network(one, v) - network(other, v) for v in (told, else_told)]
        assert not torch.allclose(*effects, rtol=1e-3, atol=0)


class TestWithPlanes:
    def test_small_planes_are_repeated(self):
        planes = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        joined = with_planes(torch.zeros(1, 1, 4, 4), planes)
        assert joined[0, 1].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]

    def test_large_planes_are_averaged(self):
        planes = torch.eye(4)[None, None]
        joined = with_planes(torch.zeros(1, 2, 2, 2), planes)
        assert joined[0, 2].tolist() == [[0.5, 0], [0, 0.5]]

    def test_no_planes(self):
        x = torch.randn(1, 2, 3, 3)
        assert with_planes(x, torch.zeros(1, 0, 1, 1)) is x


def test_rest_ends():
    network = nn.BatchNorm1d(2)
    with eval_mode(network):
        assert not network.training
    assert network.training
    with pytest.raises(ValueError, match="stop"), eval_mode(network):
        raise ValueError("stop")
    assert network.training
