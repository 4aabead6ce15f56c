"""Ageing as a whole: recipes, masks, textures, and what single kinds mean."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.ageing import KINDS, PRESETS, Ageing, Textures, age, damage_only, halftone_print, masks
from unfade.ageing._paint import FAINTEST, Coat, Painted, Stroke
from unfade.ageing._recipe import ORDER
from unfade.ageing.abrasion import Abrasion
from unfade.ageing.cracks import Cracks
from unfade.ageing.losses import Losses
from unfade.ageing.tears import Tears
from unfade.errors import DataError, UnknownNameError, UsageError

pytestmark = pytest.mark.usefixtures("one_thread")


def picture(shape: tuple[int, int] = (96, 128), seed: int = 0) -> np.ndarray:
    """Smooth colors."""
    coarse = np.random.default_rng(seed).random((5, 5, 3), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).reshape(*shape, 3), 0, 1)


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_order_names_kinds_once() -> None:
    assert len(set(ORDER)) == len(ORDER)
    assert set(ORDER) <= set(KINDS)


class Bar:
    """A toy kind that ORDER does not name: one hard white line."""

    role = "lost"

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        line = Stroke(np.array([[0, shape[0] / 2], [shape[1], shape[0] / 2]], np.float32), 4.0, 1.0)
        return Painted(shape, (Coat((1.0, 1.0, 1.0), (line,)),))


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_a_kind_without_a_place_comes_before_the_scanner(monkeypatch: pytest.MonkeyPatch, late: float) -> None:
    """The scanner's blur and JPEG befall it, too, even where dust lies on the scanner's glass."""
    applied: list[str] = []
    known = {**KINDS, "bar": Bar()}
    monkeypatch.setattr("unfade.ageing._recipe.KINDS", known)
    plans = "unfade.ageing._recipe._applied"
    monkeypatch.setattr(plans, lambda image, plans: applied.extend(name for name, _, _ in plans))
    Ageing(dict.fromkeys(("jpeg", "bar", "blur", "dust", "scratches"), 1.0), late=late)(picture(), seeded(1))
    assert applied == (["scratches", "dust", "bar", "blur", "jpeg"] if not late else ["scratches", "bar", "blur", "dust", "jpeg"])


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (63, 65), (257, 131)])
def test_presets_at_every_size(preset: str, shape: tuple[int, int]) -> None:
    image = picture(shape)
    before = image.copy()
    for seed in range(4):
        aged, again = (PRESETS[preset](image, seeded(seed)) for _ in range(2))
        np.testing.assert_array_equal(image, before)
        np.testing.assert_array_equal(aged.image, again.image)
        np.testing.assert_array_equal(aged.mask, again.mask)
        assert aged.image.shape == aged.clean.shape == image.shape and aged.image.dtype == aged.clean.dtype == np.float32
        assert aged.mask.shape == aged.stained.shape == shape and aged.mask.dtype == aged.stained.dtype == bool
        assert aged.image.min() >= 0 and aged.image.max() <= 1
        assert not (aged.mask & aged.stained).any()
        assert set(aged.layers) <= set(KINDS)


def test_clean_preset_has_no_mask_and_color_input_is_gray_underneath() -> None:
    for seed in range(5):
        assert not PRESETS["clean"](picture(), seeded(seed)).mask.any()
        clean = PRESETS["color-input"](picture(), seeded(seed)).clean
        np.testing.assert_array_equal(clean[..., 0], clean[..., 1])
        np.testing.assert_array_equal(clean[..., 0], clean[..., 2])


def test_clean_is_the_original_unless_grayed() -> None:
    image = picture()
    np.testing.assert_array_equal(age(image, seeded(1), kinds=["scratches", "fading", "grain"]).clean, image)
    grayed = age(image, seeded(1), kinds=["greying", "scratches"]).clean
    assert np.ptp(grayed, axis=2).max() == 0 and not np.array_equal(grayed, image)


def test_structured_kinds_alone_change_nothing_outside_the_masks() -> None:
    image = picture((200, 300))
    structured = [name for name in KINDS if KINDS[name].role in ("lost", "veil")]
    for seed in range(5):
        aged = age(image, seeded(seed), kinds=structured)
        sound = ~(aged.mask | aged.stained)
        assert sound.any() and aged.mask.any() and aged.stained.any()
        np.testing.assert_array_equal(aged.image[sound], image[sound])
        together = np.logical_or.reduce(list(aged.layers.values()))
        assert not (aged.mask & ~together).any()


def test_damage_only_and_masks_agree() -> None:
    image = picture((150, 200))
    for seed in range(10):
        damaged, mask = damage_only(image, seeded(seed))
        np.testing.assert_array_equal(damaged[~mask], image[~mask])
        np.testing.assert_array_equal(masks(seeded(seed), (150, 200)), mask)


def test_masks_cover_what_damage_covers() -> None:
    """Opaque damage at 256 px covers 2 to 15 % of most pictures, about 7 % of the middle one."""
    shares = [masks(seeded(seed), (256, 256)).mean() for seed in range(60)]
    assert 0.03 < np.median(shares) < 0.12
    assert np.quantile(shares, 0.9) < 0.3


def test_amount_is_honored() -> None:
    image = picture()
    nothing = age(image, seeded(0), amount=0)
    np.testing.assert_array_equal(nothing.image, image)
    assert not nothing.mask.any() and not damage_only(image, seeded(0), amount=0)[1].any()
    covered = [np.mean([masks(seeded(seed), (128, 128), amount=amount).mean() for seed in range(25)]) for amount in (0.2, 1.0, 3.0)]
    assert covered[0] < covered[1] < covered[2]
    for wrong in (-0.1, 3.1, float("nan")):
        with pytest.raises(UsageError, match="between 0 and 3"):
            age(image, seeded(0), amount=wrong)


def test_unknown_names_are_refused_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="scratches"):
        age(picture(), seeded(0), kinds=["scratch"])
    with pytest.raises(UsageError, match="color-input"):
        Ageing.preset("colour")
    with pytest.raises(UsageError, match=r"dust 1\.5"):
        Ageing({"dust": 1.5})
    with pytest.raises(UnknownNameError):
        Ageing({"dusst": 1.0})(picture(), seeded(0))


def test_a_recipe_can_be_sent_to_another_process() -> None:
    recipe = pickle.loads(pickle.dumps(PRESETS["damage"]))
    np.testing.assert_array_equal(recipe(picture(), seeded(3)).image, PRESETS["damage"](picture(), seeded(3)).image)


def test_sound_and_fresh() -> None:
    image = picture()
    both = Ageing({"dust": 1.0, "fading": 1.0}, sound=1.0, fresh=1.0)(image, seeded(0))
    np.testing.assert_array_equal(both.image, image)
    assert not both.mask.any()


def test_late_dust_lies_over_the_light() -> None:
    """Dust on the scanner's glass lies over the picture's light; dust on the print is lit with it."""
    chances = {"dust": 1.0, "lighting": 1.0}
    late, early = (Ageing(chances, late=late)(picture(), seeded(4)) for late in (1.0, 0.0))
    assert late.mask.any()
    np.testing.assert_array_equal(late.mask, early.mask)
    np.testing.assert_array_equal(late.image[~late.mask], early.image[~late.mask])
    assert not np.array_equal(late.image[late.mask], early.image[late.mask])


def test_a_thin_stroke_is_faint_and_a_wide_one_is_opaque() -> None:
    def coverage(width: float) -> np.ndarray:
        line = np.array([[5, 20], [55, 20]], np.float32)
        return Coat((1.0, 1.0, 1.0), (Stroke(line, np.full(2, width, np.float32)),)).coverage((40, 60))

    assert FAINTEST <= coverage(0.3)[20, 30] < 100
    assert coverage(4.0)[20, 30] == 255
    for width in (3.0, 6.0, 9.0):  # cv2 places antialiased edges to about half a pixel
        assert abs((coverage(width)[:, 30] / 255).sum() - width) < 1.4


def test_paint_mixes_by_coverage() -> None:
    coat = Coat((1.0, 0.5, 0.0), blobs=(np.array([[-5, -5], [50, -5], [50, 50], [-5, 50]], np.float32),), opacity=0.6)
    effect = Painted((10, 12), (coat,)).apply(np.full((10, 12, 3), 0.2, np.float32))
    assert effect.lost is not None and effect.lost.all()
    np.testing.assert_allclose(effect.image[5, 5], 0.2 + 0.6 * (np.array([1, 0.5, 0]) - 0.2), atol=1e-3)


def test_colors_keep_their_channels() -> None:
    """JPEG and the matrices of fading dyes do not swap red and blue; greying is neutral; yellowing takes
    blue."""
    red = np.zeros((32, 32, 3), np.float32)
    red[..., 0] = 0.9
    for name in ("jpeg", "dye-fading", "blur", "grain"):
        out = KINDS[name].draw(seeded(1), (32, 32)).apply(red).image
        assert out[..., 0].mean() > 0.5 > out[..., 2].mean(), name
    white = np.ones((32, 32, 3), np.float32)
    yellowed = KINDS["yellowing"].draw(seeded(1), (32, 32)).apply(white).image
    assert yellowed[..., 2].mean() < yellowed[..., 1].mean() <= yellowed[..., 0].mean() + 1e-6
    np.testing.assert_allclose(KINDS["greying"].draw(seeded(1), (32, 32)).apply(white).image, 1, atol=1e-5)


def test_textures_refuse_an_empty_folder_and_a_broken_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no textures"):
        Textures(tmp_path)
    (tmp_path / "dust1.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"dust1\.png"):
        _ = Textures(tmp_path).dust


def test_real_textures_are_laid_in(shared: Path) -> None:
    textures = Textures(shared / "data" / "textures")
    assert (
        textures.dust
        and textures.shapes
        and textures.stains
        and textures.corners
        and textures.borders
        and textures.holes
        and textures.paper
    )
    image = picture((256, 256))
    different = sum(
        not np.array_equal(age(image, seeded(seed), textures=textures).image, age(image, seeded(seed)).image) for seed in range(8)
    )
    assert different >= 4
    damaged, mask = damage_only(image, seeded(2), textures=textures)
    np.testing.assert_array_equal(damaged[~mask], image[~mask])


def test_sharp_is_the_aged_photograph_before_its_detail_went() -> None:
    kinds = {"fading": 1.0, "toning": 1.0}
    toned = Ageing(kinds, tone_range=(1.0, 1.0))(picture(), seeded(3))
    grainy = Ageing({**kinds, "grain": 1.0, "jpeg": 1.0}, tone_range=(1.0, 1.0))(picture(), seeded(3))
    np.testing.assert_array_equal(toned.sharp, toned.image)
    np.testing.assert_array_equal(grainy.sharp, toned.image)
    assert np.abs(grainy.image - grainy.sharp).mean() > 1e-3


def test_what_stays_in_color_has_chances_of_its_own() -> None:
    toned = Ageing({"toning": 1.0}, tone_range=(1.0, 1.0), in_color={"toning": 0.0})
    np.testing.assert_array_equal(toned(picture(), seeded(3)).image, picture())
    gray = Ageing({"greying": 1.0, "toning": 1.0}, tone_range=(1.0, 1.0), in_color={"toning": 0.0})(picture(), seeded(3))
    assert np.ptp(gray.clean, axis=-1).max() < 1e-3 and np.abs(gray.image - gray.clean).max() > 0.02
    with pytest.raises(UsageError, match="dust 2"):
        Ageing({}, in_color={"dust": 2})


def test_one_or_two_kinds_of_damage_may_be_all_there_is() -> None:
    chances = dict.fromkeys(("dust", "hairs", "scratches", "losses", "tears"), 1.0) | {"fading": 1.0}
    seen = [Ageing(chances, single=1.0)(picture(), seeded(seed)).layers.keys() for seed in range(60)]
    assert {len(kinds) for kinds in seen} == {1, 2} and set().union(*seen) == chances.keys() - {"fading"}
    faded = Ageing(chances, single=1.0, sound=1.0)(picture(), seeded(0))
    assert not faded.layers and not np.array_equal(faded.image, picture()), "what is over the whole picture takes its own chance"
    assert len(Ageing(chances)(picture(), seeded(0)).layers) == 5
    with pytest.raises(UsageError, match="single 2"):
        Ageing({}, single=2)


def test_worn_tears_show_no_fibres() -> None:
    for seed in range(6):
        worn, torn = (Tears(worn=chance, lobed=0.0).draw(seeded(seed), (240, 320)).coats for chance in (1.0, 0.0))
        assert len({coat.color for coat in worn}) == 1, "what is behind the print, and nothing else"
        assert len({coat.color for coat in torn}) > 1


def area(kinds: Iterable[Painted]) -> float:
    """The mean share of the picture that they cover."""
    return float(np.mean([plan.mask().mean() for plan in kinds]))


def test_what_makes_tears_lobed_cracks_trees_and_losses_peel() -> None:
    shape = (240, 320)

    def length_of_edge(lobed: float) -> float:
        masks = [Tears(worn=0.0, lobed=lobed).draw(seeded(seed), shape).mask() for seed in range(24)]
        return float(np.mean([np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1]) for mask in masks]))

    assert length_of_edge(1.0) > 1.1 * length_of_edge(0.0)
    strokes = {
        trees: [len(Cracks(branching=1.0, trees=trees).draw(seeded(seed), shape).coats[0].strokes) for seed in range(12)]
        for trees in (0.0, 1.0)
    }
    assert np.mean(strokes[1.0]) > 2 * np.mean(strokes[0.0]) and max(strokes[1.0]) < 180
    peeled, flaked = (area(Losses(flaking=1.0, peeling=chance).draw(seeded(seed), shape) for seed in range(24)) for chance in (1.0, 0.0))
    assert peeled > 2 * flaked


def test_abrasion_is_flecks_over_a_part_or_the_swipe_of_an_arc() -> None:
    flecks = [Abrasion(flecked=1.0).draw(seeded(seed), (240, 320)) for seed in range(12)]
    pieces = [cv2.connectedComponents(plan.mask().astype(np.uint8))[0] for plan in flecks]
    assert np.median(pieces) > 100 and 0.005 < area(flecks) < 0.3
    for seed in range(12):
        (coat,) = Abrasion(flecked=0.0).draw(seeded(seed), (240, 320)).coats
        assert coat.strokes and not coat.stencils
        for stroke in coat.strokes:
            middle = stroke.points.mean(axis=0)
            assert np.hypot(*(stroke.points - middle).T).max() < 1.3 * Abrasion().radius_range[1] * 240


@pytest.mark.parametrize("seed", range(4))
def test_a_halftone_print_has_dots_and_the_photographs_tone(seed: int) -> None:
    from unfade.color import linear_from_srgb

    image = np.repeat(np.linspace(0.15, 0.85, 96, dtype=np.float32)[None, :, None], 64, axis=0).repeat(3, axis=2)
    scan, photograph = halftone_print(image, np.random.default_rng(seed))
    np.testing.assert_array_equal(scan, halftone_print(image, np.random.default_rng(seed))[0])
    np.testing.assert_allclose(photograph, image, atol=1e-3)  # it is gray already
    assert scan.dtype == np.float32 and scan.min() >= 0 and scan.max() <= 1 and scan.shape == image.shape
    columns = linear_from_srgb(scan).mean(axis=(0, 2)).reshape(6, 16).mean(axis=1)
    assert (np.diff(columns) > 0).all()  # lighter to the right, as the photograph, for an eye that does not see the dots
    assert scan.std(axis=0)[40:56].mean() > 0.08  # which are there: along a column the photograph is of one tone


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (63, 65)])
def test_a_halftone_print_of_any_size(shape: tuple[int, int], rng: np.random.Generator) -> None:
    image = rng.random((*shape, 3), np.float32)
    before = image.copy()
    for one in halftone_print(image, rng):
        assert one.shape == image.shape and np.isfinite(one).all()
    np.testing.assert_array_equal(image, before)
