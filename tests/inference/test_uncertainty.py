"""Expected errors: what they follow from, how they are fitted, and files that cannot be used."""

import json

import numpy as np
import pytest
from support.lifters import clip_px, make_lifter

import srnet_core as srnet
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing
from srnet_core.inference.calibration import (
    Calibration,
    calibration_file,
    fit,
    read_calibration,
    write_calibration,
)
from srnet_core.inference.lifter import Lifter
from srnet_core.inference.spread import NAMES, features, several_predictions, turned

JOINTS = ("Hip", "RHip", "RKnee")
SIZE = (1000, 1002)


def invented(frames: int, level: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features and errors that follow from them: gamma-distributed about a mean that grows with the spread."""
    random = np.random.default_rng(seed)
    x = random.normal(-3, 0.7, (frames, len(JOINTS), len(NAMES)))
    mean = level * np.exp(5 + 0.5 * x[..., 0] + 0.3 * x[..., 1] + np.array([0.0, 0.2, 0.6]))
    errors = random.gamma(4, mean / 4)
    errors[:, 0] = 0
    return x, errors


def fitted(*clips, people=("A",)) -> Calibration:
    x, errors = zip(*clips)
    return fit(x, errors, people, digest="d", joints=JOINTS)


def test_turned_keypoints_keep_root_and_distances():
    points = clip_px(3)
    around = turned(points, 90.0)
    np.testing.assert_allclose(around[:, 0], points[:, 0])
    np.testing.assert_allclose((around - around[:, :1])[..., 1], (points - points[:, :1])[..., 0], atol=1e-3)


def test_predictions_that_turn_with_the_input_have_no_spread():
    def exact(points):
        flat = (points - points[:, :1]) / 1000
        return (np.concatenate([flat, np.hypot(flat[..., :1], flat[..., 1:])], axis=-1),)

    def not_exact(points):
        (poses,) = exact(points)
        return (poses * [1.0, 2.0, 1.0],)

    points = clip_px(4).astype(np.float64)
    sure, unsure = (features(several_predictions(lift, points))[:, 1:, 0] for lift in (exact, not_exact))
    np.testing.assert_allclose(sure, np.log(1e-3), atol=1e-6)
    assert (unsure > sure + 1).mean() > 0.9


def test_the_fit_finds_means_and_bounds_of_people_it_has_not_seen():
    calibration = fitted(invented(6000))
    x, errors = invented(6000, seed=1)
    expected = calibration.expected_mm(x)
    assert calibration.weights == pytest.approx((0.5, 0.3, 0.0), abs=0.03)
    assert expected[:, 1:].mean() == pytest.approx(errors[:, 1:].mean(), rel=0.03)
    assert (expected[:, 0] == 0).all()
    covered = (errors <= calibration.bound_mm(expected))[:, 1:]
    assert covered.mean(axis=0) == pytest.approx([0.9, 0.9], abs=0.015)


def covered_shares(calibration, *clips) -> list[float]:
    return [(e <= calibration.bound_mm(calibration.expected_mm(x)))[:, 1:].mean() for x, e in clips]


def test_the_bound_holds_for_the_harder_of_two_people_however_short_their_recording():
    easy, hard = invented(8000), invented(800, level=3.0, seed=2)
    calibration = fitted(easy, hard, people=("A", "B"))
    of_easy, of_hard = covered_shares(calibration, easy, hard)
    assert of_hard == pytest.approx(0.9, abs=0.01) and of_easy > 0.99
    assert calibration.people == ("A", "B") and calibration.frames == 8800


def test_the_bound_holds_under_the_harder_of_two_conditions():
    exact, noisy = invented(2000), invented(2000, level=1.5, seed=2)
    x, errors = zip(exact, noisy)
    calibration = fit(x, errors, ("A", "A"), digest="d", joints=JOINTS, conditions=(0.0, 0.02))
    assert covered_shares(calibration, noisy) == pytest.approx([0.9], abs=0.01)


def test_of_many_people_the_hardest_tenth_may_miss_the_bound():
    clips = [invented(200, level=1 + 0.2 * (i == 0) + (i == 1), seed=i) for i in range(20)]
    shares = covered_shares(fitted(*clips, people=tuple(map(str, range(20)))), *clips)
    assert sum(share < 0.88 for share in shares) == 1 and min(shares[2:]) > 0.88


def test_people_who_are_hardly_seen_do_not_set_the_bound():
    seen, glimpsed = invented(4000), invented(20, level=10.0, seed=3)
    calibration = fitted(seen, glimpsed, people=("A", "B"))
    assert covered_shares(calibration, seen)[0] < 0.95


def test_too_few_frames_are_refused():
    with pytest.raises(ConfigError, match="20 frames are too few to calibrate on; at least 500"):
        fitted(invented(20))


def test_files_are_read_back_and_others_refused(tmp_path):
    calibration, path = fitted(invented(600)), calibration_file(tmp_path / "net.bin")
    assert path.name == "net.uncertainty.json"
    with pytest.raises(InputFileMissing, match="srnet calibrate"):
        read_calibration(path, digest="d", joints=JOINTS)
    write_calibration(path, calibration)
    assert read_calibration(path, digest="d", joints=JOINTS) == calibration
    with pytest.raises(BadFileError, match="of another network"):
        read_calibration(path, digest="other", joints=JOINTS)
    whole = json.loads(path.read_text())
    for damage in ({"levels": [1.0]}, {"weights": ["a", 1, 1]}, {"factors": [1, 1, float("nan")]}, {"schema": 2}):
        path.write_text(json.dumps(whole | damage))
        with pytest.raises(BadFileError, match="no calibration"):
            read_calibration(path, digest="d", joints=JOINTS)
    path.write_text("[" * 100_000)
    with pytest.raises(BadFileError, match="no calibration"):
        read_calibration(path, digest="d", joints=JOINTS)


@pytest.mark.parametrize("frames", [1, 27])
def test_networks_of_the_package_tell_their_errors(frames):
    lifter = Lifter.open(frames=frames, device="cpu", uncertainty=True)
    points = clip_px(30)
    found = lifter.with_errors(points, image_size=SIZE, check="off")
    np.testing.assert_allclose(found.poses_m, lifter(points, image_size=SIZE, check="off"), atol=1e-6)
    assert found.expected_error_mm.shape == found.error_bound_mm.shape == (30, 17)
    assert (found.expected_error_mm[:, 1:] > 0).all() and (found.error_bound_mm >= found.expected_error_mm).all()


def test_poses_that_nobody_has_are_told_to_be_less_sure():
    """Random points are no people; a standing figure is one."""
    lifter = Lifter.open(device="cpu", uncertainty=True)
    standing = np.array(
        [
            *([0, 0], [-11, 0], [-12, 44], [-12, 88], [11, 0], [12, 44], [12, 88], [0, -25], [0, -50], [0, -58]),
            *([0, -70], [18, -48], [22, -18], [23, 6], [-18, -48], [-22, -18], [-23, 6]),
        ]
    )
    person = np.broadcast_to(500 + 3 * standing, (4, 17, 2)).astype(np.float32)
    sure, unsure = (
        lifter.with_errors(points, image_size=SIZE, check="off").expected_error_mm[:, 1:].mean()
        for points in (person, clip_px(4))
    )
    assert sure < 60 < 150 < unsure


def test_a_lifter_without_calibration_says_how_to_get_one(tmp_path):
    lifter = make_lifter()
    with pytest.raises(ConfigError, match="uncertainty=True"):
        lifter.with_errors(clip_px(3), image_size=SIZE)
    with pytest.raises(InputFileMissing, match=r"srnet-x.uncertainty.json.*srnet calibrate"):
        path = tmp_path / "srnet-x.safetensors"
        path.write_bytes(srnet.weights.weights_file().read_bytes())
        Lifter.from_checkpoint(path, uncertainty=True)
