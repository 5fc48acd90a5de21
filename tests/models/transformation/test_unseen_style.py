"""Styles in one pass: unseen ones, mixtures, and one that was learnt."""

import pytest
import torch
from torch.nn.functional import instance_norm

from tag2mask.models.transformation.fast_style import FastStyle, PainterSettings
from tag2mask.models.transformation.gatys import Gatys, GatysSettings
from tag2mask.models.transformation.unseen_style import UnseenStyle, UnseenStyleSettings
from tests.models.transformation.textures import images, styles, train

SIZE = 32
SMALL = {
    "size": SIZE,
    "backbone": "tiny",
    "content_stage": "c2",
    "style_weight": 100.0,
    "smoothness": 3.0,
    "width": 16,
    "blocks": 1,
}
TRAINED = 96


@pytest.fixture(scope="module")
def content():
    return images(64, SIZE, 0)


@pytest.fixture(scope="module")
def known():
    return styles(TRAINED, SIZE, 0)


@pytest.fixture(scope="module")
def system(content, known):
    torch.manual_seed(0)
    system = UnseenStyle(UnseenStyleSettings(**SMALL, code=32, style_width=16))

    def batch_of(rng):
        return {
            "image": content[torch.randint(64, (8,), generator=rng)],
            "style": known[torch.randint(TRAINED, (8,), generator=rng)],
        }

    train(system, batch_of, 250, 2e-3)
    return system


def test_code_forgets_places_and_keeps_colors():
    torch.manual_seed(0)
    encoder = UnseenStyle(UnseenStyleSettings(**SMALL)).encoder
    plain = torch.tensor([-0.5, 0.0, 0.5]).view(1, 3, 1, 1).expand(-1, -1, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(encoder(plain), encoder(-plain), atol=1e-2)
        turned = encoder(styles(1, 32, 0).flip(3))
        assert turned.shape == (1, 64)


@pytest.mark.slow
class TestUnseenStyle:
    def test_styles_that_training_never_showed(self, system, content):
        new, fresh = styles(48, SIZE, 7), images(48, SIZE, 7)
        rng = torch.Generator()
        with torch.no_grad():
            made = system.features(system.transform({"image": fresh, "style": new}, rng))
            own, before = system.features(new), system.features(fresh)
            distance = system.style_distance(made, own)
            untouched = system.style_distance(before, own)
            others = {stage: values.roll(1, dims=0) for stage, values in own.items()}
            wrong = system.style_distance(made, others)
        assert distance.mean() < 0.5 * untouched.mean()
        assert (distance < wrong).float().mean() >= 0.75
        # The content must not go with its style.
        stage = system.settings.content_stage
        shown, given = (instance_norm(f[stage]).flatten(1) for f in (made, before))
        kept = torch.cosine_similarity(shown, given)
        strange = torch.cosine_similarity(shown, given.roll(1, dims=0))
        assert kept.mean() > strange.mean() + 0.15

    def test_mixtures_go_from_one_style_to_the_other(self, system, content, known):
        shares = (0.0, 0.25, 0.5, 0.75, 1.0)
        with torch.no_grad():
            first, second = system.encoder(known[:16]), system.encoder(known[16:32])
            ends = system.features(known[:16]), system.features(known[16:32])
            made = [
                system.features(system.painter(content[:16], (1 - s) * first + s * second))
                for s in shares
            ]
            away = [system.style_distance(features, ends[0]).mean() for features in made]
            closer = [system.style_distance(features, ends[1]).mean() for features in made]
        assert away == sorted(away)
        assert closer == sorted(closer, reverse=True)

    def test_a_style_takes_one_pass(self, system, content, monkeypatch):
        """No features are compared, as an optimization would at each of its steps."""

        def compared(*arguments):
            raise AssertionError

        monkeypatch.setattr(type(system.features), "forward", compared)
        with torch.no_grad():
            batch = {"image": content[:4], "style": styles(4, SIZE, 7)}
            assert system.transform(batch, torch.Generator()).isfinite().all()
            with pytest.raises(AssertionError):
                Gatys(GatysSettings(size=SIZE, backbone="tiny", steps=1)).transform(
                    batch, torch.Generator()
                )


@pytest.mark.slow
def test_gatys_paints_any_style(content):
    style = styles(3, SIZE, 7)
    for distance in ("gram", "batch_norm"):
        settings = GatysSettings(size=SIZE, backbone="tiny", steps=60, distance=distance)
        gatys = Gatys(settings)
        with torch.no_grad():
            made = gatys.transform({"image": content[:3], "style": style}, torch.Generator())
            wanted = gatys.features(style)
            after = gatys.style_distance(gatys.features(made), wanted)
            before = gatys.style_distance(gatys.features(content[:3]), wanted)
        assert (after < 0.3 * before).all()


@pytest.mark.slow
def test_fast_style_learns_the_one_style_that_it_is_given(content):
    torch.manual_seed(0)
    system = FastStyle(PainterSettings(**SMALL))
    style = styles(1, 40, 5)
    system.take_style(style)
    kept = system.style.clone()

    def batch_of(rng):
        return {"image": content[torch.randint(64, (8,), generator=rng)]}

    train(system, batch_of, 250, 2e-3)
    assert torch.equal(system.style, kept)
    fresh = images(16, SIZE, 7)
    with torch.no_grad():
        wanted = system.features(kept)
        made = system.features(system.transform({"image": fresh}, torch.Generator()))
        after = system.style_distance(made, wanted)
        before = system.style_distance(system.features(fresh), wanted)
    assert after.mean() < 0.5 * before.mean()
