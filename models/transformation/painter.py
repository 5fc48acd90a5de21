"""The feed-forward painter of Johnson et al. (ECCV 2016), with or without a style to follow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import instance_norm, interpolate


class StyleNorm(nn.Module):
    """Instance normalization whose scale and shift may depend on a style.

    Without a style they are learnt, as in Ulyanov et al. (2016), who found it far better here than
    batch normalization. With a style they are linear in its code, so that mixed codes give mixed
    styles (conditional instance normalization; Dumoulin et al., ICLR 2017).

    Args:
        channels: Channels of the features.
        code: Length of the style's code; 0 for none.
    """

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        self.follow = nn.Linear(code, 2 * channels, bias=False) if code else None

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        """Normalizes (N, channels, H, W) with the codes (N, code), if there are any."""
        scale, shift = self.scale, self.shift
        if self.follow is not None and code is not None:
            more_scale, more_shift = self.follow(code)[..., None, None].chunk(2, dim=1)
            scale, shift = scale + more_scale, shift + more_shift
        return scale * instance_norm(x) + shift


class Layer(nn.Module):
    """A convolution with reflected borders, normalized; zero padding would show as a frame.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: Side of the filters, odd.
        stride: Stride of the convolution.
        code: See :class:`StyleNorm`.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, code: int = 0
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect"
        )
        self.norm = StyleNorm(outputs, code)

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride)), signed."""
        return self.norm(self.convolution(x), code)


class Residual(nn.Module):
    """Two layers, added to their input (Johnson et al., supplement; Gross & Wilber)."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.first = Layer(channels, channels, 3, code=code)
        self.second = Layer(channels, channels, 3, code=code)

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        """(N, channels, H, W) to the same."""
        return x + self.second(self.first(x, code).relu(), code)


class Painter(nn.Module):
    """Down by 4, residual blocks, up by nearest neighbors: images in, images out.

    Args:
        width: Channels at full size; the paper has 32, doubled with each halving.
        blocks: Number of residual blocks; the paper has 5.
        code: Length of the code of the style to follow; 0 for one style that is learnt.
    """

    def __init__(self, width: int, blocks: int, code: int = 0) -> None:
        super().__init__()
        # The content does not depend on the style, so the way down gets no code.
        self.down = nn.ModuleList(
            [
                Layer(3, width, 9),
                Layer(width, 2 * width, 3, stride=2),
                Layer(2 * width, 4 * width, 3, stride=2),
            ]
        )
        self.blocks = nn.ModuleList(Residual(4 * width, code) for _ in range(blocks))
        self.up = nn.ModuleList(
            [Layer(4 * width, 2 * width, 3, code=code), Layer(2 * width, width, 3, code=code)]
        )
        self.last = nn.Conv2d(width, 3, 9, padding=4, padding_mode="reflect")
        self.colors = StyleNorm(3, code)

    def forward(self, images: Tensor, code: Tensor | None = None) -> Tensor:
        """Paints images in a style.

        Args:
            images: (N, 3, H, W) in [-1, 1], of at least 8 pixels a side.
            code: (N, code), the codes of the styles.

        Returns:
            (N, 3, H, W) in [-1, 1].
        """
        x, sizes = images, []
        for layer in self.down:
            sizes.append(x.shape[-2:])
            x = layer(x, None).relu()
        for block in self.blocks:
            x = block(x, code)
        for layer, size in zip(self.up, reversed(sizes[1:]), strict=True):
            x = layer(interpolate(x, size), code).relu()
        return (self.last(x) + self.colors(images, code)).tanh()
