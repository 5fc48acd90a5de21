"""Perceptual features: the content and the style of an image, by a frozen backbone.

The purposes of the backbones:

* With ImageNet weights (``efficientnet_lite0`` offline, ``vgg16`` and ``resnet50`` by
  download) features describe both objects and textures: content, style, feature interpolation.
* ``tiny`` has no weights and gets random filters. Those suffice for the statistics of
  textures (Ustyuzhaninov et al., 2016) and to rebuild an image. They do not describe objects:
  never use them for content.
* A tagger's backbone describes the classes of its tags and little else; see
  :meth:`Perceptual.adopt`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tag2mask.models.backbones import BACKBONES, Backbone

UNTRAINED = ("tiny",)  # backbones without ImageNet weights
COLORS = "colors"  # name of the colors before the first layer
CALIBRATION = (8, 64)  # images, and their side in pixels


class Perceptual(nn.Module):
    """The stages of a frozen backbone, each scaled to a mean square of one.

    The scale is measured on noise with the spectrum of photographs. It makes stages and backbones
    comparable, so that one weight of a loss serves all of them.

    Args:
        backbone: Name of one of :data:`tag2mask.models.backbones.BACKBONES`.
        stages: Names of the stages: ``c0``, the colors themselves, ``c1``, the output of the
            first layer, and the backbone's own ``c2`` to ``c5``. Layers above the last stage
            are left out.
        seed: Random seed of the filters of a backbone without weights.

    Attributes:
        channels: Channels of each stage.
        strides: Stride of each stage, in pixels of the image.

    Raises:
        KeyError: If there is no such backbone or stage.
    """

    mean: Tensor
    std: Tensor
    scales: Tensor

    def __init__(self, backbone: str, stages: Sequence[str], seed: int = 0) -> None:
        super().__init__()
        whole = BACKBONES[backbone](pretrained=backbone not in UNTRAINED)
        ends = {"c0": COLORS, "c1": next(iter(whole.layers))} | whole.stages
        self.ends = {ends[stage]: stage for stage in sorted(set(stages))}
        names = [COLORS, *whole.layers]
        self.layers = nn.ModuleDict(
            {name: whole.layers[name] for name in names[1 : 1 + max(map(names.index, self.ends))]}
        )
        self.register_buffer("mean", whole.mean, persistent=False)
        self.register_buffer("std", whole.std, persistent=False)
        self.register_buffer("scales", torch.ones(len(self.ends)))
        self.requires_grad_(False)
        if backbone in UNTRAINED:
            self._draw_filters(torch.Generator().manual_seed(seed))
        self.eval()
        features = self._calibrate()
        self.channels = {stage: values.shape[1] for stage, values in features.items()}
        self.strides = {
            stage: CALIBRATION[1] // values.shape[2] for stage, values in features.items()
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The features of every stage, from fine to coarse.

        Args:
            images: (N, 3, H, W) RGB in [-1, 1].

        Returns:
            Stage to (N, channels, ceil(H / stride), ceil(W / stride)).
        """
        # Colors begin at 0, because second moments would not separate black from white otherwise.
        outputs = {COLORS: (images + 1) / 2}
        x = (127.5 * (images + 1) - self.mean) / self.std
        for name, layer in self.layers.items():
            outputs[name] = x = layer(x)
        return {
            stage: outputs[name] * scale
            for (name, stage), scale in zip(self.ends.items(), self.scales, strict=True)
        }

    def adopt(self, backbone: Backbone) -> None:
        """Takes the weights of a backbone of the same kind, such as a trained tagger's.

        Args:
            backbone: Its layers are copied as far as they are used here.
        """
        for name, layer in self.layers.items():
            layer.load_state_dict(backbone.layers[name].state_dict())
        self._calibrate()

    def train(self, mode: bool = True) -> Perceptual:
        """Stays in evaluation mode, because the features of a loss must not change."""
        del mode
        return super().train(False)

    def _draw_filters(self, rng: torch.Generator) -> None:
        """Draws random filters and measures the statistics of their normalizations.

        Without the statistics, signals shrink from layer to layer until all images look the same.
        """
        for module in self.layers.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
            elif isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the statistics of one batch, as they are
        nn.Module.train(self)
        with torch.no_grad():
            self(photograph_noise(*CALIBRATION))

    @torch.no_grad()
    def _calibrate(self) -> dict[str, Tensor]:
        self.scales.fill_(1)
        features = self(photograph_noise(*CALIBRATION).to(self.scales.device))
        self.scales.copy_(torch.stack([f.square().mean().rsqrt() for f in features.values()]))
        return features


def photograph_noise(count: int, side: int, seed: int = 0) -> Tensor:
    """Noise with the spectrum of photographs, of amplitudes 1 / frequency (Field, 1987).

    Args:
        count: Number of images N.
        side: Side of each image, in pixels.
        seed: Random seed of the noise.

    Returns:
        (N, 3, side, side) RGB in [-1, 1]; the channels are correlated, as in photographs.
    """
    rng = torch.Generator().manual_seed(seed)
    white = torch.fft.rfft2(torch.randn(count, 3, side, side, generator=rng))
    rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    frequency = torch.hypot(rows[:, None], columns).clamp(min=1 / side)
    noise = torch.fft.irfft2(white / frequency, s=(side, side))
    noise = noise + 2 * noise.mean(dim=1, keepdim=True)
    return (0.5 * noise / noise.std()).clamp(-1, 1)
