"""All kinds of image files of the web, made here, against their expected RGB images."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageOps

from tag2mask.pipeline.ingestion.decoding import DecodeError, decode_rgb, normalized_bytes

WIDTH, HEIGHT = 24, 16
RED, BLUE, WHITE = (200, 30, 30), (30, 30, 200), (255, 255, 255)


def halves(left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE) -> Image.Image:
    """An image whose left half has one color and whose right half has another."""
    image = Image.new("RGB", (WIDTH, HEIGHT), right)
    image.paste(left, (0, 0, WIDTH // 2, HEIGHT))
    return image


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def colors(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """The mean colors of the left and the right quarter."""
    pixels = np.asarray(image, dtype=float)
    quarter = image.width // 4
    return pixels[:, :quarter].mean((0, 1)), pixels[:, -quarter:].mean((0, 1))


def assert_halves(
    image: Image.Image,
    left: tuple[int, int, int] = RED,
    right: tuple[int, int, int] = BLUE,
    tolerance: float = 12,
) -> None:
    assert image.mode == "RGB"
    assert image.size == (WIDTH, HEIGHT)
    found_left, found_right = colors(image)
    assert np.abs(found_left - left).max() < tolerance
    assert np.abs(found_right - right).max() < tolerance


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, color: int, pixels: bytes, *extra: bytes) -> bytes:
    """A PNG written by hand, with features that Pillow cannot write."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *extra,
            chunk(b"IDAT", zlib.compress(pixels)),
            chunk(b"IEND", b""),
        )
    )


def gray_16() -> Image.Image:
    values = np.full((HEIGHT, WIDTH), 50 * 257, np.uint16)
    values[:, WIDTH // 2 :] = 200 * 257
    return Image.fromarray(values)


def without_adobe_marker(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    length = struct.unpack(">H", jpeg[start + 2 : start + 4])[0]
    return jpeg[:start] + jpeg[start + 2 + length :]


def transparent_left() -> Image.Image:
    image = halves().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, WIDTH // 2, HEIGHT))
    return image


def palette_with_transparency() -> bytes:
    image = halves().quantize(4)
    return saved(image, "PNG", transparency=image.getpixel((0, 0)))


def animation(format: str) -> bytes:
    later = [halves(BLUE, RED), halves(WHITE, WHITE)]
    return saved(halves(), format, save_all=True, append_images=later, duration=50)


GRAY_LEFT, GRAY_RIGHT = (50, 50, 50), (200, 200, 200)
GRAY = halves(GRAY_LEFT, GRAY_RIGHT).convert("L")
CMYK = halves().convert("CMYK")

Color = tuple[int, int, int]
CASES: dict[str, tuple[Callable[[], bytes], Color, Color]] = {
    "jpeg": (lambda: saved(halves(), "JPEG", quality=95, subsampling=0), RED, BLUE),
    "png": (lambda: saved(halves(), "PNG"), RED, BLUE),
    "webp": (lambda: saved(halves(), "WEBP", quality=95), RED, BLUE),
    "bmp": (lambda: saved(halves(), "BMP"), RED, BLUE),
    "tiff": (lambda: saved(halves(), "TIFF"), RED, BLUE),
    "ppm": (lambda: saved(halves(), "PPM"), RED, BLUE),
    "gray jpeg": (lambda: saved(GRAY, "JPEG"), GRAY_LEFT, GRAY_RIGHT),
    "gray png": (lambda: saved(GRAY, "PNG"), GRAY_LEFT, GRAY_RIGHT),
    "black and white": (
        lambda: saved(GRAY.convert("1", dither=Image.Dither.NONE), "PNG"),
        (0, 0, 0),
        WHITE,
    ),
    "adobe cmyk": (lambda: saved(CMYK, "JPEG", quality=95), RED, BLUE),
    "plain cmyk": (
        lambda: without_adobe_marker(saved(ImageChops.invert(CMYK), "JPEG", quality=95)),
        RED,
        BLUE,
    ),
    "cmyk tiff": (lambda: saved(CMYK, "TIFF"), RED, BLUE),
    "16-bit gray png": (lambda: saved(gray_16(), "PNG"), GRAY_LEFT, GRAY_RIGHT),
    "16-bit gray tiff": (lambda: saved(gray_16(), "TIFF"), GRAY_LEFT, GRAY_RIGHT),
    "rgba": (lambda: saved(transparent_left(), "PNG"), WHITE, BLUE),
    "gray with alpha": (lambda: saved(transparent_left().convert("LA"), "PNG"), WHITE, (50,) * 3),
    "webp with alpha": (lambda: saved(transparent_left(), "WEBP", quality=95), WHITE, BLUE),
    "palette": (lambda: saved(halves().quantize(4), "PNG"), RED, BLUE),
    "palette with transparency": (palette_with_transparency, WHITE, BLUE),
    "transparent color": (lambda: saved(halves(), "PNG", transparency=RED), WHITE, BLUE),
    "gif": (lambda: saved(halves(), "GIF"), RED, BLUE),
    "animated gif": (lambda: animation("GIF"), RED, BLUE),
    "animated webp": (lambda: animation("WEBP"), RED, BLUE),
    "animated png": (lambda: animation("PNG"), RED, BLUE),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_becomes_rgb(case: str) -> None:
    make, left, right = CASES[case]
    assert_halves(decode_rgb(make()), left, right)


@pytest.mark.parametrize("case", CASES)
def test_normalized_bytes_need_no_further_care(case: str) -> None:
    make, left, right = CASES[case]
    data, height, width = normalized_bytes(make())
    with Image.open(io.BytesIO(data)) as image:
        assert image.format in ("JPEG", "PNG")
        assert (image.height, image.width) == (height, width) == (HEIGHT, WIDTH)
        assert getattr(image, "n_frames", 1) == 1
        assert not image.has_transparency_data
        assert_halves(image, left, right)


@pytest.mark.parametrize("case", ["jpeg", "png"])
def test_plain_images_stay_untouched(case: str) -> None:
    original = CASES[case][0]()
    assert normalized_bytes(original)[0] == original


@pytest.mark.parametrize("case", ["palette with transparency", "16-bit gray png", "gif", "bmp"])
def test_lossless_stays_lossless(case: str) -> None:
    original = CASES[case][0]()
    data = normalized_bytes(original)[0]
    assert data.startswith(b"\x89PNG")
    assert np.array_equal(np.asarray(decode_rgb(data)), np.asarray(decode_rgb(original)))


@pytest.mark.parametrize("case", ["gray jpeg", "adobe cmyk", "webp"])
def test_lossy_becomes_a_fine_jpeg(case: str) -> None:
    original = CASES[case][0]()
    data = normalized_bytes(original)[0]
    assert data.startswith(b"\xff\xd8")
    difference = np.asarray(decode_rgb(data), float) - np.asarray(decode_rgb(original), float)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(orientation: int, format: str) -> None:
    image = halves()
    image.paste((20, 160, 20), (0, 0, 8, 8))  # a corner, so that all eight differ
    exif = Image.Exif()
    exif[0x0112] = orientation
    original = saved(image, format, exif=exif)
    with Image.open(io.BytesIO(original)) as opened:
        expected = ImageOps.exif_transpose(opened).convert("RGB")
    assert np.array_equal(np.asarray(decode_rgb(original)), np.asarray(expected))
    data, height, width = normalized_bytes(original)
    assert (width, height) == expected.size
    again = np.asarray(decode_rgb(data), float)
    assert np.abs(again - np.asarray(expected, float)).mean() < 3
    with Image.open(io.BytesIO(data)) as written:
        assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_spoils_no_image() -> None:
    jpeg = saved(halves(), "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert_halves(decode_rgb(jpeg))
    assert normalized_bytes(jpeg)[0] == jpeg


def test_16_bit_rgb_is_written_again_because_readers_differ() -> None:
    line = b"\0" + b"".join(struct.pack(">HHH", 200 * 257, 30 * 257, 30 * 257) for _ in range(4))
    original = png(4, 2, 16, 2, line * 2)
    data, height, width = normalized_bytes(original)
    assert (height, width) == (2, 4)
    assert data != original
    assert data[24] == 8
    assert np.asarray(decode_rgb(data))[0, 0].tolist() == list(RED)


def test_transparent_gray_of_16_bits_is_white() -> None:
    line = b"\0" + struct.pack(">HHH", 1000, 1001, 60000)
    original = png(3, 1, 16, 0, line, chunk(b"tRNS", struct.pack(">H", 1000)))
    assert np.asarray(decode_rgb(original))[0, :, 0].tolist() == [255, 3, 234]


def truncated(format: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(pixels), format)
    return data[: len(data) // 2]


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "text": (lambda: b"this is a letter, not an image\n" * 9, "not an image"),
    "web page": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
    "program": (lambda: b"\x7fELF" + bytes(200), "not an image"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
    "truncated jpeg": (lambda: truncated("JPEG"), "truncated"),
    "truncated png": (lambda: truncated("PNG"), "truncated"),
    "truncated bmp": (lambda: truncated("BMP"), "truncated"),
    "truncated webp": (lambda: truncated("WEBP"), ""),
    "truncated tiff": (lambda: truncated("TIFF"), ""),
    "truncated gif": (lambda: truncated("GIF"), ""),
    "first bytes of a jpeg": (lambda: truncated("JPEG")[:3], "header"),
    "first bytes of a png": (lambda: truncated("PNG")[:20], "truncated"),
    "png of no width": (lambda: png(0, 8, 8, 2, b""), "zero-sized"),
    "png of no height": (lambda: png(8, 0, 8, 2, b""), "zero-sized"),
    "gif without pixels": (lambda: b"GIF89a" + bytes(7) + b";", "zero-sized"),
    "bomb": (lambda: png(20_000, 20_000, 8, 2, bytes(100)), "pixels"),
    "bomb below the limit of Pillow": (lambda: png(8_400, 8_400, 8, 2, bytes(9)), "limit"),
    "endless line": (lambda: png(70_000, 1, 8, 2, bytes(9)), "limit"),
    "png with a broken stream": (
        lambda: png(8, 8, 8, 2, b"")[:41] + b"\xff" * 40,
        "",
    ),
    "floating point": (
        lambda: saved(Image.new("F", (4, 4), 0.5), "TIFF"),
        "floating-point",
    ),
    "32-bit": (lambda: saved(Image.new("I", (4, 4), 2**20), "TIFF"), "32-bit"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("decode", [decode_rgb, normalized_bytes])
def test_errors_of_broken_files_give_the_cause(
    case: str, decode: Callable[[bytes], object]
) -> None:
    make, cause = BROKEN[case]
    with pytest.raises(DecodeError) as caught:
        decode(make())
    assert cause in caught.value.cause
    assert 0 < len(caught.value.cause) < 120
    assert "\n" not in caught.value.cause


def test_the_limit_is_the_callers_and_pillow_keeps_its_own() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(DecodeError, match="24x16 pixels, more than the limit of 100"):
        decode_rgb(saved(halves(), "PNG"), max_pixels=100)
    assert_halves(decode_rgb(saved(halves(), "PNG"), max_pixels=WIDTH * HEIGHT))
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_escapes_as_another_error() -> None:
    random = np.random.default_rng(1)
    originals = [make() for make, _, _ in CASES.values()]
    for _ in range(600):
        data = bytearray(originals[random.integers(len(originals))])
        for position in random.integers(0, len(data), random.integers(1, 20)):
            data[position] = random.integers(256)
        try:
            _, height, width = normalized_bytes(bytes(data), max_pixels=2**20)
        except DecodeError:
            continue
        assert height > 0
        assert width > 0


def test_the_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(DecodeError("empty file")))
    assert error.cause == str(error) == "empty file"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_of_fewer_bits_is_visible(bits: int, kind: str) -> None:
    values = np.tile(np.linspace(0, 2**bits - 1, WIDTH).astype(np.uint16), (HEIGHT, 1))
    for decode in (decode_rgb, lambda data: Image.open(io.BytesIO(normalized_bytes(data)[0]))):
        found = np.asarray(decode(saved(Image.fromarray(values), kind)).convert("L"))
        assert found[0].tolist() == (values[0] >> (bits - 8)).tolist()
        assert found.max() == 255


@pytest.mark.parametrize(("value", "visible"), [(255, False), (4095, False), (4096, True)])
def test_16_bit_colors_of_fewer_bits_are_said(value: int, visible: bool) -> None:
    pixel = struct.pack(">HHH", value, value // 2, 0)
    data = png(4, 2, 16, 2, (b"\0" + pixel * 4) * 2)
    if visible:
        assert decode_rgb(data).getpixel((0, 0)) == (value >> 8, value >> 9, 0)
        return
    for decode in (decode_rgb, normalized_bytes):
        with pytest.raises(DecodeError, match="16-bit colors with values below 4096"):
            decode(data)
