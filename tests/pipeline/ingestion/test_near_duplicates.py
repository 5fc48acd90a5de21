"""Near-duplicates: hashes as imagehash computes them, neighbors as all pairs give them."""

from __future__ import annotations

import io
from math import comb

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.ingestion.near_duplicates import (
    _bands,
    _close_pairs,
    perceptual_hash,
    representatives,
)
from tag2mask.pipeline.synthetic.images import render


def gray(index: int) -> Image.Image:
    return render(index, 0).image.convert("L")


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def clustered(count: int, seed: int = 0) -> np.ndarray:
    """Random hashes, a third of them copies of others with some bits flipped."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, count, np.uint64)
    for copy in range(0, count, 3):
        bits = random.choice(64, random.integers(0, 9), replace=False)
        hashes[copy] = hashes[random.integers(count)] ^ np.uint64(sum(1 << int(b) for b in bits))
    return hashes


def test_hashes_are_those_of_imagehash() -> None:
    imagehash = pytest.importorskip("imagehash")
    for index in range(20):
        assert perceptual_hash(gray(index)) == int(str(imagehash.phash(gray(index))), 16)


def test_copies_are_close_and_other_images_are_not() -> None:
    hashes = [perceptual_hash(gray(index)) for index in range(30)]
    for index in range(0, 30, 3):
        buffer = io.BytesIO()
        image = gray(index)
        smaller = image.resize((image.width * 2 // 3, image.height * 2 // 3))
        smaller.save(buffer, format="JPEG", quality=50)
        assert distance(perceptual_hash(Image.open(buffer)), hashes[index]) <= 4
    others = [distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(others) > 4
    assert 28 < np.mean(others) < 36  # as of random bits


@pytest.mark.parametrize("bound", [0, 1, 3, 4, 8, 12])
@pytest.mark.parametrize("count", [1, 2, 500])
def test_close_pairs_are_those_of_all_pairs(count: int, bound: int) -> None:
    hashes = np.unique(clustered(count))
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = [(a, b) for b in range(len(hashes)) for a in range(b) if apart[a, b] <= bound]
    earlier, later = _close_pairs(hashes, bound)
    assert sorted(zip(earlier.tolist(), later.tolist(), strict=True)) == sorted(expected)


def test_each_image_is_close_to_its_representative() -> None:
    hashes = clustered(1000, seed=1)
    stands = representatives(hashes, 6)
    own = np.flatnonzero(stands == np.arange(1000))
    for position, chosen in enumerate(stands.tolist()):
        apart = np.bitwise_count(hashes[own] ^ hashes[position])
        earlier = own < position
        if chosen == position:
            assert not (apart[earlier] <= 6).any()
        else:
            assert chosen == own[earlier][np.argmin(apart[earlier])]
    assert 50 < len(hashes) - len(own) < 400


def test_chains_are_not_one_group() -> None:
    chain = np.array([0, 0b11, 0b1111, 0b111111, 0], np.uint64)
    assert representatives(chain, 2).tolist() == [0, 0, 2, 2, 0]
    assert representatives(chain, 0).tolist() == [0, 1, 2, 3, 0]
    assert representatives(np.empty(0, np.uint64), 4).tolist() == []


def test_equal_hashes_cost_nothing() -> None:
    assert set(representatives(np.zeros(200_000, np.uint64), 4).tolist()) == {0}


def test_comparisons_are_few_beside_all_pairs() -> None:
    """Counted, not timed: the hashes that each one is compared with, if bits are random."""
    for count in (10**4, 10**6, 10**8):
        compared = sum(
            count / 2**width * sum(comb(width, flips) for flips in range(radius + 1))
            for _, width, radius in _bands(count, 4)
        )
        assert compared < count**0.5
