"""Decoding of any image file of the web to an 8-bit RGB image, or to a short error cause."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

# 200 MB as RGB, and below the size at which Pillow itself warns.
MAX_PIXELS = 2**26
MAX_SIDE = 65_500  # JPEG's limit, so that every decoded image can be written again

# Listed one by one, because not all of Pillow's formats are safe: its EPS reader starts
# Ghostscript on the file, and formats without a signature accept any text as an image.
# (An MPO, a JPEG followed by more images, opens as a JPEG.)
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
LOSSY = frozenset({"JPEG", "MPO", "WEBP", "AVIF", "JPEG2000"})

# Bits that 16-bit files really hold.
_DEPTHS = (8, 10, 12, 14, 16)
_DARK = 16  # the high byte of 4096
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class DecodeError(Exception):
    """A file is not a usable image; ``cause`` is the reason in a few words."""

    def __init__(self, cause: str) -> None:
        """Store the cause, which is also the exception's text."""
        super().__init__(cause)
        self.cause = cause


def decode_rgb(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a file to an upright 8-bit RGB image.

    - The EXIF orientation is applied.
    - Gray, palette, CMYK and 16-bit pixels are converted.
    - Transparent pixels are laid on white.
    - An animation is reduced to its first frame.

    Args:
        data: The whole file.
        max_pixels: Largest width times height that is decoded; a side may have 65,500 pixels.
            Pillow's own limit (``Image.MAX_IMAGE_PIXELS``) applies in addition and is not
            changed.

    Raises:
        DecodeError: If the file is empty, truncated, broken, not an image, without
            pixels or too large.
    """
    with _naming_the_cause(data):
        return to_rgb(_load(data, max_pixels))


def gray_preview(data: bytes, side: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a file to an upright gray image (mode L), to be shrunk to ``side`` pixels.

    A JPEG is decoded at a fraction of its size, which is much faster. Sides that were at least
    four times as long as ``side`` stay so.

    Args:
        data: The whole file.
        side: Side of the later, shrunk image, in pixels.
        max_pixels: Largest width times height that is decoded.

    Raises:
        DecodeError: In the cases of :func:`decode_rgb`.
    """
    with _naming_the_cause(data):
        return to_rgb(_load(data, max_pixels, draft=4 * side)).convert("L")


def normalized_bytes(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[bytes, int, int]:
    """Convert a file so that any reader decodes it to the image of :func:`decode_rgb`.

    A JPEG or PNG in plain upright 8-bit RGB stays unchanged. Any other file is written again: as
    JPEG (quality 95, 4:4:4) if its format is lossy, otherwise as PNG. WebP counts as lossy.

    Args:
        data: The whole file.
        max_pixels: Largest width times height that is decoded.

    Returns:
        The new file's bytes, the height and the width in pixels.

    Raises:
        DecodeError: In the cases of :func:`decode_rgb`; unchanged files are decoded once, too.
    """
    with _naming_the_cause(data):
        image = _load(data, max_pixels)
        if _is_plain(image, data):
            return data, image.height, image.width
        rgb = to_rgb(image)
    buffer = io.BytesIO()
    if image.format in LOSSY:
        rgb.save(buffer, format="JPEG", quality=95, subsampling=0)
    else:
        rgb.save(buffer, format="PNG")
    return buffer.getvalue(), rgb.height, rgb.width


def _load(data: bytes, max_pixels: int, draft: int | None = None) -> Image.Image:
    if not data:
        raise DecodeError("empty file")
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if max(image.size) > MAX_SIDE:
        raise DecodeError(
            f"{image.width}x{image.height} pixels, longer than the limit of {MAX_SIDE}"
        )
    if image.width * image.height > max_pixels:
        raise DecodeError(
            f"{image.width}x{image.height} pixels, more than the limit of {max_pixels}"
        )
    if draft is not None:
        image.draft(None, (draft, draft))
    image.load()
    if image.format == "PNG" and data[24] == 16 and image.mode in ("RGB", "RGBA", "LA"):
        _check_range(image)
    return image


def _check_range(image: Image.Image) -> None:
    """Refuse 16-bit colors of which Pillow has kept nothing visible: their high bytes.

    Raises:
        DecodeError: If all values are below 4096, as in files that hold 8 or 12 bits.
    """
    bands = image.split()[: len(image.getbands()) - ("A" in image.getbands())]
    if all(np.asarray(band).max() < _DARK for band in bands):
        raise DecodeError(
            "16-bit colors with values below 4096 alone, which would be black: save it with 8 bits"
        )


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image to upright 8-bit RGB, see :func:`decode_rgb`.

    Raises:
        DecodeError: If the range of its pixel values is unknown.
    """
    turn = _UPRIGHT.get(_orientation(image))
    if image.mode == "F":
        raise DecodeError("floating-point pixels of unknown range")
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    elif image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow reads every CMYK JPEG as one of Adobe's, which store inverted inks.
        image = ImageChops.invert(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    rgb = image.convert("RGB")
    return rgb if turn is None else rgb.transpose(turn)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Convert 16-bit gray to 8-bit gray; Pillow's own conversion of mode I clips to white.

    Cameras and scanners keep 8, 10, 12 or 14 bits in 16: an image whose values fit into one of
    these has that depth, since it would be nearly black otherwise.
    """
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DecodeError("32-bit pixels of unknown range")
    depth = next(bits for bits in _DEPTHS if values.max() < 2**bits)
    gray = (values >> (depth - 8)).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray[values == transparent] = 255
    return Image.fromarray(gray)


def _is_plain(image: Image.Image, data: bytes) -> bool:
    if image.mode != "RGB" or image.has_transparency_data or _orientation(image) != 1:
        return False
    if image.format == "PNG":
        # Pillow reads 16-bit RGB as 8-bit, but other readers do not: the header's depth decides.
        return data[24] == 8 and getattr(image, "n_frames", 1) == 1
    return image.format in ("JPEG", "MPO")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken EXIF raises various errors, but the image is usable
        return 1
    return value if value in _UPRIGHT else 1


@contextmanager
def _naming_the_cause(data: bytes) -> Iterator[None]:
    """Turn every error of the decoders into a DecodeError."""
    try:
        yield
    except DecodeError:
        raise
    except UnidentifiedImageError:
        raise DecodeError(_why_unidentified(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DecodeError("more pixels than Pillow's limit") from None
    except Exception as error:  # Pillow's readers raise about ten types on broken files
        if "truncated" in str(error).lower():
            raise DecodeError("truncated file") from error
        raise DecodeError(f"broken image ({str(error)[:80] or type(error).__name__})") from error


# Signature, and the position of width and height in the file.
_HEADERS: dict[bytes, struct.Struct | None] = {
    b"\x89PNG\r\n\x1a\n": struct.Struct(">16xII"),
    b"GIF8": struct.Struct("<6xHH"),
    b"BM": struct.Struct("<18xii"),
    b"\xff\xd8\xff": None,
    b"II*\0": None,
    b"MM\0*": None,
    b"RIFF": None,
}


def _why_unidentified(data: bytes) -> str:
    for signature, size in _HEADERS.items():
        if data.startswith(signature):
            if size is not None and len(data) >= size.size and 0 in size.unpack_from(data):
                return "zero-sized image"
            return "broken or truncated header"
    return "not an image"
