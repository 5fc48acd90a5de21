"""Color spaces against scikit-image and Pillow, and back again."""

import numpy as np
import torch
from PIL import Image
from skimage import color

from tag2mask.models.transformation.color_spaces import (
    from_lab,
    from_ycbcr,
    luminance,
    to_lab,
    to_ycbcr,
)

IMAGES = 2 * torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0)) - 1
IMAGES[0, :, 0, :3] = torch.tensor([[-1.0, 1.0, -0.97]] * 3)  # black, white, almost black


def test_lab_is_that_of_scikit_image():
    expected = color.rgb2lab((IMAGES.permute(0, 2, 3, 1).double().numpy() + 1) / 2)
    expected = torch.from_numpy(expected).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(to_lab(IMAGES), expected, rtol=0, atol=0.01)


def test_lab_and_ycbcr_lead_back():
    torch.testing.assert_close(from_lab(to_lab(IMAGES)), IMAGES, rtol=0, atol=1e-4)
    torch.testing.assert_close(from_ycbcr(to_ycbcr(IMAGES)), IMAGES, rtol=0, atol=1e-5)


def test_colors_of_no_screen_are_clamped():
    values = torch.tensor([50.0, 120.0, -120.0]).view(1, 3, 1, 1)
    color = from_lab(values)
    assert color.abs().max() <= 1
    assert color.isfinite().all()


def test_ycbcr_is_that_of_pillow():
    pixels = ((IMAGES[0].permute(1, 2, 0) + 1) * 127.5).byte()
    expected = np.asarray(Image.fromarray(pixels.numpy()).convert("YCbCr"), np.float32)
    ours = to_ycbcr((pixels.permute(2, 0, 1).unsqueeze(0) / 127.5) - 1)[0].permute(1, 2, 0)
    levels = 127.5 * ours.numpy() + [127.5, 128, 128]
    assert np.abs(levels - expected).max() <= 1.01


def test_gray_has_no_color():
    gray = torch.linspace(-1, 1, 9).view(1, 1, 3, 3).expand(1, 3, 3, 3)
    assert to_lab(gray)[:, 1:].abs().max() < 0.02
    torch.testing.assert_close(luminance(gray), gray[:, :1])
