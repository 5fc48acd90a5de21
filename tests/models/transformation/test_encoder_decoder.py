"""The shared network: its skips, its sizes, its noise."""

import pytest
import torch
from torch.nn.functional import max_pool2d, mse_loss

from tag2mask.models.transformation.encoder_decoder import (
    Decoder,
    Encoder,
    EncoderDecoder,
    dropped,
    levels_of,
    padded,
    widths_of,
)
from tag2mask.models.transformation.skips import SKIPS, UPSAMPLINGS
from tests.models.scenes import scenes


def test_widths_double_to_eight_times_and_levels_end_at_one_pixel():
    assert widths_of(64, 6) == (64, 128, 256, 512, 512, 512)
    assert [levels_of(side) for side in (1, 16, 64, 100, 256)] == [1, 4, 6, 6, 8]


@pytest.mark.parametrize("skip", SKIPS)
def test_any_size_comes_out_as_it_came_in(skip):
    network = EncoderDecoder(4, 2, (4, 8, 8), skip).train()
    assert network(torch.randn(2, 4, 21, 34)).shape == (2, 2, 21, 34)


@pytest.mark.parametrize("double", UPSAMPLINGS.values(), ids=UPSAMPLINGS)
def test_either_way_of_doubling_fits_every_skip(double):
    for skip in SKIPS:
        decoder = Decoder((4, 8), 3, skip, double=double)
        features = [torch.randn(2, 4, 8, 8), torch.randn(2, 8, 4, 4)]
        assert decoder(features).shape == (2, 3, 16, 16)


def test_a_resized_plane_begins_without_a_grid():
    plane = torch.ones(1, 4, 8, 8)
    spreads = {
        name: double(4, 2, bias=False)(plane)[0, 0, 3:-3, 3:-3].std()
        for name, double in UPSAMPLINGS.items()
    }
    assert spreads["resized"] < 1e-6 < 0.01 < spreads["transposed"]


def test_padding_repeats_the_border_and_leaves_multiples_alone():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert padded(x, 4)[0, 0].tolist() == [[0, 1, 2, 2], *[[3, 4, 5, 5]] * 3]
    assert padded(x, 1) is x or torch.equal(padded(x, 1), x)


def test_switches_put_every_maximum_back_in_its_place():
    fine = torch.randn(2, 3, 8, 6)
    skip = SKIPS["switches"](3, 3)
    skip.up = torch.nn.Identity()
    grown = skip.grow(max_pool2d(fine, 2), fine)
    maxima = fine == torch.nn.functional.interpolate(max_pool2d(fine, 2), scale_factor=2)
    assert torch.equal(grown, torch.where(maxima, fine, 0.0))


def test_channels_that_skips_join():
    x, fine = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    joined = {name: skip(2, 4).eval().join(x, fine) for name, skip in SKIPS.items()}
    assert torch.equal(joined["none"], x)
    assert torch.equal(joined["add"], x + fine)
    assert torch.equal(joined["concatenate"], torch.cat([x, fine], dim=1))
    for name, skip in SKIPS.items():
        assert joined[name].shape[1] == skip(2, 4).outputs


def test_noise_drops_the_share_and_keeps_the_mean():
    x = torch.ones(1, 1, 300, 300)
    noisy = dropped(x, 0.25, torch.Generator().manual_seed(0))
    assert (noisy == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert noisy.mean().item() == pytest.approx(1, abs=0.01)


def test_noise_comes_from_the_generator_alone():
    network = EncoderDecoder(3, 3, (4, 8, 8)).eval()
    x = torch.randn(1, 3, 16, 16)

    def noisy(seed):
        return network(x, torch.Generator().manual_seed(seed))

    assert torch.equal(network(x), network(x))
    assert torch.equal(noisy(0), noisy(0))
    assert not torch.equal(noisy(0), noisy(1))


def test_recomputation_changes_no_gradient():
    x = torch.randn(2, 3, 16, 16)
    gradients = []
    for recompute in (False, True):
        torch.manual_seed(0)
        encoder = Encoder(3, (4, 8, 8))
        sum(feature.square().sum() for feature in encoder(x, recompute)).backward()
        gradients.append([parameter.grad for parameter in encoder.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def identity_psnr(skip, seed):
    """The PSNR in dB of a network that learns to return its input."""
    torch.manual_seed(seed)
    network = EncoderDecoder(3, 3, (8, 16, 32, 32, 32), skip)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    images, test = scenes(64, seed)["image"], scenes(16, 99)["image"]
    for step in range(150):
        batch = images[torch.arange(8 * step, 8 * step + 8) % 64]
        optimizer.zero_grad()
        mse_loss(network(batch).tanh(), batch).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        return -10 * torch.log10(mse_loss(network(test).tanh(), test) / 4).item()


@pytest.mark.slow
def test_skips_carry_details_that_a_bottleneck_loses():
    blind = identity_psnr("none", seed=0)
    for skip in ("add", "concatenate"):
        assert identity_psnr(skip, seed=0) >= blind + 5
    assert identity_psnr("switches", seed=0) > blind
