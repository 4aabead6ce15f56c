"""Each measure against an independent implementation, named in the test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from unfade.color import lab_from_srgb
from unfade.errors import DataError
from unfade.measures import MEASURES
from unfade.measures.color_difference import ciede2000
from unfade.measures.colorfulness import colorfulness
from unfade.measures.detection import by_width, counts, intersection_over_union, precision, recall
from unfade.measures.feature_distance import feature_distance
from unfade.measures.features import PictureFeatures
from unfade.measures.fid import frechet_distance
from unfade.measures.histogram import intersection
from unfade.measures.manifold import coverage
from unfade.measures.manifold import precision as generated_precision
from unfade.measures.manifold import recall as generated_recall
from unfade.measures.measure import EITHER, LOST, SOUND, Observation
from unfade.measures.psnr import psnr
from unfade.measures.ssim import ssim, ssim_map


@pytest.fixture
def pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A structured picture, and the same with noise and a blot."""
    rows, columns = np.mgrid[0:61, 0:83].astype(np.float32)
    planes = [0.5 + 0.4 * np.sin(columns / 7 + phase) * np.cos(rows / 9) for phase in (0, 1, 2)]
    truth = np.stack(planes, axis=2).astype(np.float32)
    result = np.clip(truth + rng.normal(0, 0.05, truth.shape), 0, 1).astype(np.float32)
    result[10:20, 10:30] = 0.9
    return result, truth


def test_psnr_is_scikit_images(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=1), abs=1e-4)


def test_equal_pictures_have_100_db(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(pair[0], pair[0]) == 100


def test_ssim_is_scikit_images(pair: tuple[np.ndarray, np.ndarray]) -> None:
    expected, full = structural_similarity(pair[1], pair[0], data_range=1, channel_axis=2, full=True)
    assert ssim(*pair) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(ssim_map(*pair), full.mean(axis=2), atol=1e-4)


def test_ssim_is_torchmetrics_with_uniform_windows(pair: tuple[np.ndarray, np.ndarray]) -> None:
    result, truth = (torch.from_numpy(image.astype(np.float64).transpose(2, 0, 1)[None].copy()) for image in pair)
    other = structural_similarity_index_measure(result, truth, gaussian_kernel=False, kernel_size=7, data_range=1.0)
    # torchmetrics divides by n where scikit-image's default divides by n - 1: 48 / 49 in the variances
    assert ssim(*pair) == pytest.approx(float(other), abs=0.005)


def test_figures_in_the_mask_see_the_mask_only(pair: tuple[np.ndarray, np.ndarray]) -> None:
    result, truth = pair
    damage = np.zeros(truth.shape[:2], np.uint8)
    damage[10:20, 10:30] = LOST
    damage[40:50, 40:50] = EITHER
    seen = Observation(truth, result, damage)
    (figure,) = MEASURES["psnr-in-mask"].observe(seen)
    assert figure == pytest.approx(peak_signal_noise_ratio(truth[10:20, 10:30], result[10:20, 10:30], data_range=1), abs=1e-4)
    (similarity,) = MEASURES["ssim-in-mask"].observe(seen)
    _, full = structural_similarity(truth, result, data_range=1, channel_axis=2, full=True)
    assert similarity == pytest.approx(full[10:20, 10:30].mean(), abs=1e-4)


def test_figures_in_an_empty_mask_are_left_out(pair: tuple[np.ndarray, np.ndarray]) -> None:
    seen = Observation(pair[1], pair[0], np.zeros(pair[0].shape[:2], np.uint8))
    measure = MEASURES["psnr-in-mask"]
    rows = np.stack([measure.observe(seen), np.array([20.0])])
    assert np.isnan(rows[0, 0])
    assert measure.summarize(rows, None) == 20


# --- color --------------------------------------------------------------------------------------------------


def test_ciede2000_is_scikit_images(rng: np.random.Generator) -> None:
    first, second = (rng.uniform([0, -100, -100], [100, 100, 100], (5000, 3)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(ciede2000(first, second), deltaE_ciede2000(first.astype(float), second.astype(float)), atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [  # Sharma, Wu and Dalal 2005, table 1: pairs 1, 7, 9, 13, 17 and 20, which part the common mistakes
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
        ((50.0, -0.001, 2.49), (50.0, 0.0009, -2.49), 4.8045),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ],
)
def test_ciede2000_is_the_papers(first: tuple[float, ...], second: tuple[float, ...], difference: float) -> None:
    assert float(ciede2000(np.array(first), np.array(second))) == pytest.approx(difference, abs=1e-4)


def test_ab_error_is_the_distance_in_scikit_images_lab(pair: tuple[np.ndarray, np.ndarray]) -> None:
    (error,) = MEASURES["ab-error"].observe(Observation(pair[1], pair[0]))
    difference = rgb2lab(pair[0])[..., 1:] - rgb2lab(pair[1])[..., 1:]
    assert error == pytest.approx(np.linalg.norm(difference, axis=2).mean(), abs=0.02)  # its white point is not sRGB's, ours is


def test_colorfulness_by_the_papers_formula_in_plain_numbers() -> None:
    picture = np.zeros((1, 2, 3), np.float32)
    picture[0, 0] = (1, 0, 0)  # rg 255, yb 127.5
    picture[0, 1] = (0, 0, 1)  # rg 0, yb -255
    rg, yb = np.array([255.0, 0.0]), np.array([127.5, -255.0])
    expected = np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    assert colorfulness(picture) == pytest.approx(expected, rel=1e-6)
    assert colorfulness(np.full((4, 4, 3), 0.3, np.float32)) == 0


def test_colorfulness_ratio_and_distance(pair: tuple[np.ndarray, np.ndarray]) -> None:
    gray = np.repeat(pair[1].mean(axis=2, keepdims=True), 3, axis=2)
    ratio, distance = MEASURES["colorfulness-ratio"], MEASURES["colorfulness-distance"]
    half = (pair[1] + gray) / 2
    assert ratio.summarize(ratio.observe(Observation(pair[1], gray))[None], None) == pytest.approx(0, abs=1e-4)
    assert ratio.summarize(ratio.observe(Observation(pair[1], half))[None], None) == pytest.approx(0.5, abs=1e-4)
    assert distance.observe(Observation(pair[1], half))[0] == pytest.approx(colorfulness(pair[1]) / 2, rel=1e-4)


def test_histogram_intersection_by_hand() -> None:
    assert intersection(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == pytest.approx(0.75)
    assert intersection(np.array([4.0, 0.0]), np.array([0.0, 1.0])) == 0


def test_grays_fall_into_one_bin_of_chroma(rng: np.random.Generator) -> None:
    gray = np.repeat(rng.random((16, 16, 1), np.float32), 3, axis=2)
    for axis in "ab":
        row = MEASURES[f"histogram-{axis}"].observe(Observation(gray, gray))
        assert (row[:64] > 0).sum() == 1
    lightness = MEASURES["histogram-l"].observe(Observation(gray, gray))[:64]
    expected, _ = np.histogram(np.rint(lab_from_srgb(gray)[..., 0] * 255 / 100), np.arange(65) * 4 - 0.5)
    np.testing.assert_allclose(lightness * gray.shape[0] * gray.shape[1], expected)


# --- features -----------------------------------------------------------------------------------------------


def test_fid_is_scipys_matrix_square_root(rng: np.random.Generator) -> None:
    first, second = rng.normal(0, 1, (60, 12)), rng.normal(0.4, 1.7, (45, 12))
    covariances = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_fid_of_fewer_pictures_than_features_is_finite_and_of_a_set_with_itself_0(rng: np.random.Generator) -> None:
    few = rng.normal(0, 1, (5, 200))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(few, few + 1) == pytest.approx(200, rel=1e-9)


@pytest.mark.parametrize("pictures", [0, 1])
def test_fid_needs_two_pictures(pictures: int) -> None:
    with pytest.raises(DataError, match=r"two pictures or more .* 3 and"):
        frechet_distance(np.zeros((3, 4)), np.zeros((pictures, 4)))


def brute_force(points: np.ndarray, manifold: np.ndarray, neighbours: int) -> float:
    """Kynkäänniemi et al. 2019, equation 1, one picture and one distance at a time."""
    inside = 0
    for point in points:
        for center in manifold:
            others = sorted(float(np.linalg.norm(center - other)) for other in manifold)
            if np.linalg.norm(point - center) <= others[neighbours]:
                inside += 1
                break
    return inside / len(points)


def test_coverage_is_that_of_brute_force(rng: np.random.Generator) -> None:
    points, manifold = rng.normal(0.7, 1.3, (25, 4)), rng.normal(0, 1, (30, 4))
    expected = brute_force(points, manifold, 3)
    assert 0 < expected < 1
    assert coverage(points, manifold) == expected


def test_which_is_precision_and_which_is_recall(rng: np.random.Generator) -> None:
    """A generator that makes one kind of picture well: all it makes looks real (precision), half of what is
    real it never makes."""
    cats, dogs = rng.normal(0, 1, (40, 5)), rng.normal(50, 1, (40, 5))
    real, only_cats = np.concatenate([cats, dogs]), rng.normal(0, 0.5, (40, 5))
    assert generated_precision(only_cats, real) > 0.9
    assert generated_recall(only_cats, real) < 0.55
    # and one that makes cats, dogs and monsters: everything real is there, a third of what it makes is not
    # real
    everything = np.concatenate([rng.normal(0, 1.5, (40, 5)), rng.normal(50, 1.5, (40, 5)), rng.normal(500, 1, (40, 5))])
    assert generated_precision(everything, real) < 0.67
    assert generated_recall(everything, real) > 0.9


def test_precision_and_recall_need_a_third_neighbour() -> None:
    with pytest.raises(DataError, match="need 4 pictures; there are 3"):
        coverage(np.zeros((9, 2)), np.zeros((3, 2)))


def test_feature_distance_is_two_less_twice_the_cosine(rng: np.random.Generator) -> None:
    first, second = rng.normal(0, 1, (6, 3, 4)), rng.normal(0, 1, (6, 3, 4))
    cosines = torch.nn.functional.cosine_similarity(torch.from_numpy(first), torch.from_numpy(second), dim=0)
    layer = float((2 - 2 * cosines).mean())
    assert feature_distance([first], [second]) == pytest.approx(layer)
    assert feature_distance([first, first], [second, first]) == pytest.approx(layer / 2)
    pooled_only = PictureFeatures(np.zeros(3, np.float32))
    assert np.isnan(MEASURES["feature-distance"].observe(Observation(truth_features=pooled_only, result_features=pooled_only))).all()


# --- masks --------------------------------------------------------------------------------------------------


def brute_force_counts(found: np.ndarray, damage: np.ndarray) -> tuple[float, float]:
    """Precision and recall with the tolerance, pixel by pixel. OpenCV's disc of 5×5: rows of 1, 5, 5, 5 and 1
    pixels."""

    def near(mask: np.ndarray, y: int, x: int) -> bool:
        reach = ((dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if abs(dy) < 2 or dx == 0)
        inside = ((y + dy, x + dx) for dy, dx in reach if 0 <= y + dy < mask.shape[0] and 0 <= x + dx < mask.shape[1])
        return any(mask[place] for place in inside)

    lost = damage == LOST
    flagged = [(y, x) for y, x in np.argwhere(found) if damage[y, x] != EITHER]
    missing = [(y, x) for y, x in np.argwhere(lost)]
    return (
        sum(near(lost, y, x) for y, x in flagged) / len(flagged),
        sum(near(found, y, x) for y, x in missing) / len(missing),
    )


def test_mask_figures_are_those_of_brute_force(rng: np.random.Generator) -> None:
    damage = rng.choice([SOUND, EITHER, LOST], (24, 31), p=[0.93, 0.02, 0.05]).astype(np.uint8)
    found = rng.random((24, 31)) < 0.06
    rows = counts(found, damage)[None]
    expected = brute_force_counts(found, damage)
    assert (precision(rows), recall(rows)) == expected
    counted = damage != EITHER
    union = ((found | (damage == LOST)) & counted).sum()
    assert intersection_over_union(rows) == (found & (damage == LOST)).sum() / union
    f1 = MEASURES["mask-f1"].summarize(rows, None)
    assert f1 == pytest.approx(2 * expected[0] * expected[1] / sum(expected))


def test_a_stain_is_neither_right_nor_wrong() -> None:
    damage = np.zeros((20, 20), np.uint8)
    damage[:8] = EITHER
    damage[12:] = LOST
    with_stain, without = damage != SOUND, damage == LOST
    for found in (with_stain, without):
        rows = counts(found, damage)[None]
        assert precision(rows) == recall(rows) == intersection_over_union(rows) == 1


def test_mask_figures_pool_the_pictures() -> None:
    big, small = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    big[:20], small[0, 0] = LOST, LOST
    rows = np.stack([counts(big == LOST, big), counts(np.zeros((40, 40), bool), small)])
    assert recall(rows) == 800 / 801


def test_damage_is_parted_by_its_width() -> None:
    lost = np.zeros((100, 100), bool)
    lost[5, 5:90] = True  # a hair
    lost[20:30, 5:90] = True  # a band 10 px wide
    lost[50:95, 20:70] = True  # a hole
    parts = by_width(lost)
    assert [int(parts[name].sum()) for name in ("thin", "middle", "broad")] == [85, 850, 2250]
    np.testing.assert_array_equal(parts["thin"] | parts["middle"] | parts["broad"], lost)


def test_share_flagged_is_per_cent() -> None:
    found = np.zeros((10, 10), bool)
    found[0, :3] = True
    assert MEASURES["share-flagged"].observe(Observation(found=found)) == pytest.approx([3])
