"""Synthetic data: bodies, joints, floor, view and smoothness of every clip; files; the same bytes for the same seed."""

import hashlib
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from srnet_core import datasets
from srnet_core.clip import action_of
from srnet_core.datasets import synthetic
from srnet_core.datasets.synthetic import FPS, SyntheticConfig, generate, make_files
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.geometry.h36m_cameras import SUBJECTS, TEST_SUBJECTS, TRAIN_SUBJECTS, h36m_cameras
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.synthetic.body import PEOPLE
from srnet_core.synthetic.curves import (
    PeriodicSpline,
    keyed,
    rotation_matrices,
    smooth_below,
)
from srnet_core.synthetic.draft import Draft
from srnet_core.synthetic.gait import sagittal_angles
from srnet_core.synthetic.limits import LIMITS_DEG, joint_angles_deg
from srnet_core.synthetic.take import make_person, make_take

CONFIG = SyntheticConfig(seed=7, seconds_per_take=4.0, subjects=("S1", "S7", "S9"))
SMALL = SyntheticConfig(seed=3, seconds_per_take=1.0, subjects=("S5", "S11"), actions=("Walking", "Sitting"))
FEET = [SKELETON.index("LFoot"), SKELETON.index("RFoot")]
LEGS = [SKELETON.index(f"{side}{joint}") for side in "LR" for joint in ("Knee", "Foot")]
REST = [j for j in range(17) if j not in LEGS]
ON_FLOOR_M, FLAT_M, PLANTED_M_PER_S = 0.02, 0.002, 0.05


@pytest.fixture(scope="module")
def data():
    return generate(CONFIG)


@pytest.fixture(scope="module")
def clips(data):
    """[(subject, take, (T, 17, 3) float64)]"""
    return [(s, t, pose.astype(np.float64)) for s, takes in data[0].items() for t, pose in takes.items()]


def _bones(pose):
    parents, children = np.array(SKELETON.bones).T
    return np.linalg.norm(pose[:, children] - pose[:, parents], axis=-1)


def _ankle_heights(clips):
    bodies = {s: make_person(CONFIG.seed, s).body for s in CONFIG.subjects}
    return [(s, t, pose[:, FEET], bodies[s].ankle_height) for s, t, pose in clips]


def test_every_subject_has_two_takes_of_every_action(data):
    positions_3d, positions_2d, cameras, _ = data
    assert list(positions_3d) == list(positions_2d) == list(cameras) == list(CONFIG.subjects)
    for subject, takes in positions_3d.items():
        assert [action_of(t) for t in takes][::2] == list(CONFIG.actions)
        for take, pose in takes.items():
            assert pose.dtype == np.float32
            assert pose.shape == (len(pose), 17, 3)
            assert [v.shape for v in positions_2d[subject][take]] == [(len(pose), 17, 2)] * 4
    lengths = {len(pose) for takes in positions_3d.values() for pose in takes.values()}
    assert len(lengths) > 10  # takes differ in length
    assert min(lengths) > 0.9 * 4.0 * FPS and max(lengths) < 1.1 * 4.0 * FPS


def test_bones_keep_their_length_within_a_subject(clips):
    for subject in CONFIG.subjects:
        bones = np.concatenate([_bones(pose) for s, _, pose in clips if s == subject])
        assert np.ptp(bones, axis=0).max() < 1e-5, subject  # float32 rounding at a few metres is below a micrometre


def test_left_and_right_bones_are_alike(clips):
    lengths = {child: k for k, (_, child) in enumerate(SKELETON.bones)}
    left, right = ([lengths[j] for j in side] for side in (SKELETON.left_indices, SKELETON.right_indices))
    for subject, take, pose in clips:
        bones = _bones(pose)
        np.testing.assert_allclose(bones[:, left], bones[:, right], atol=1e-5, err_msg=f"{subject}/{take}")


def test_bodies_differ_and_follow_the_table():
    bodies = {s: make_person(1, s).body for s in SUBJECTS}
    assert {b.sex for b in bodies.values()} == {"female", "male"}
    assert np.ptp([b.stature for b in bodies.values()]) > 0.2
    for name, body in bodies.items():
        assert abs(body.stature - PEOPLE[name][1]) <= 0.02
        thigh = {"female": 368.5 / 1735, "male": 422.2 / 1741}[body.sex]  # de Leva 1996, Table 4
        assert abs(body.thigh / (thigh * body.stature) - 1) <= 0.0401
        assert 0.45 < body.standing_hip_height / body.stature < 0.56  # Drillis & Contini: 0.53


def test_nobody_is_below_the_floor(clips):
    for subject, take, feet, ankle in _ankle_heights(clips):
        assert feet[..., 2].min() > ankle - 0.001, f"{subject}/{take}"
    for subject, take, pose in clips:
        assert pose[..., 2].min() > 0.01, f"{subject}/{take}"


def test_a_foot_is_on_the_floor_nearly_always(clips):
    for subject, take, feet, ankle in _ankle_heights(clips):
        lower = feet[..., 2].min(axis=1) - ankle
        assert np.mean(lower > ON_FLOOR_M) < 0.06, f"{subject}/{take}"
        assert lower.max() < 0.06, f"{subject}/{take}"


def test_flat_feet_do_not_skate(clips):
    slow = total = 0
    for subject, take, feet, ankle in _ankle_heights(clips):
        speed = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1) * FPS
        low = feet[..., 2] - ankle < FLAT_M
        stance = low[1:] & low[:-1]
        assert np.mean(speed[stance] < PLANTED_M_PER_S) > 0.88, f"{subject}/{take}"
        slow, total = slow + np.sum(speed[stance] < PLANTED_M_PER_S), total + stance.sum()
    assert slow / total > 0.98
    assert total > 0.4 * 2 * sum(len(feet) for _, _, feet, _ in _ankle_heights(clips))


def test_joints_stay_within_anatomical_limits(clips):
    for subject, take, pose in clips:
        for name, angle in joint_angles_deg(pose).items():
            low, high = LIMITS_DEG[name]
            seen = angle[np.isfinite(angle)]
            inside = not seen.size or (seen.min() >= low and seen.max() <= high)
            assert inside, f"{subject}/{take}: {name} from {seen.min():.0f} to {seen.max():.0f}"


def test_the_limits_notice_a_knee_and_an_elbow_bent_backward(clips):
    """The check above is worth something only if it sees broken joints."""
    pose = next(pose for _, take, pose in clips if take == "Sitting").copy()
    for child, joint, parent, name in (
        ("LFoot", "LKnee", "LHip", "knee_rotation"),
        ("RWrist", "RElbow", "RShoulder", "elbow_rotation"),
    ):
        a, b, c = (pose[:, SKELETON.index(j)] for j in (parent, joint, child))
        along = (b - a) / np.linalg.norm(b - a, axis=-1, keepdims=True)
        flipped = pose.copy()
        flipped[:, SKELETON.index(child)] = b + 2 * np.sum((c - b) * along, axis=-1, keepdims=True) * along - (c - b)
        side = 0 if joint[0] == "L" else 1
        angle = joint_angles_deg(flipped)[name][:, side]
        low, high = LIMITS_DEG[name]
        assert np.nanmean((angle < low) | (angle > high)) > 0.5, name


def test_no_hand_goes_through_the_trunk(clips):
    for subject, take, pose in clips:
        hip, thorax = pose[:, None, 0], pose[:, None, SKELETON.index("Thorax")]
        wrists = pose[:, [SKELETON.index("LWrist"), SKELETON.index("RWrist")]]
        line = thorax - hip
        share = np.clip(np.sum((wrists - hip) * line, -1) / np.sum(line**2, -1), 0, 1)
        away = np.linalg.norm(wrists - hip - share[..., None] * line, axis=-1)
        assert away.min() > 0.079, f"{subject}/{take}"


def test_movements_are_smooth(clips):
    for subject, take, pose in clips:
        velocity = np.diff(pose, axis=0) * FPS
        acceleration = np.diff(velocity, axis=0) * FPS
        jerk = np.linalg.norm(np.diff(acceleration, axis=0), axis=-1) * FPS
        acceleration, where = np.linalg.norm(acceleration, axis=-1), f"{subject}/{take}"
        assert np.linalg.norm(velocity, axis=-1).max() < 5.5, where  # metres per second: 11 cm per frame
        assert acceleration[:, REST].max() < 30 and jerk[:, REST].max() < 600, where
        assert acceleration[:, LEGS].max() < 130 and jerk[:, LEGS].max() < 7000, where


def test_everybody_is_seen_by_all_cameras(data):
    positions_3d, positions_2d, _, _ = data
    rigs = h36m_cameras()
    for subject, takes in positions_2d.items():
        for take, views in takes.items():
            for camera, view in zip(rigs[subject], views):
                size = np.array([camera.width_px, camera.height_px])
                assert view.min() > 10 and (size - view).min() > 10, f"{subject}/{take}"
                cam = camera.world_to_camera(positions_3d[subject][take])
                assert cam[..., 2].min() > 1.0
                assert np.abs(cam[..., :2] / cam[..., 2:]).max() < 0.7  # far from where the lens model is clipped


def test_2d_is_the_projection_of_3d_with_distortion(data):
    positions_3d, positions_2d, _, _ = data
    camera, pose = h36m_cameras()["S9"][2], positions_3d["S9"]["Greeting"].astype(np.float64)
    expected = camera.project(camera.world_to_camera(pose))
    np.testing.assert_allclose(positions_2d["S9"]["Greeting"][2], expected, atol=5e-3)
    assert np.abs(expected - camera.project(camera.world_to_camera(pose), distort=False)).max() > 0.5


def test_actions_differ_from_one_another(clips):
    """Mean hip-centred poses, heading taken out, tell sitting from walking; arm height tells posing from walking."""
    height = {}
    for _, take, pose in clips:
        height.setdefault(action_of(take), []).append(pose[:, 0, 2])
    mean = {action: np.concatenate(h).mean() for action, h in height.items()}
    assert mean["SittingDown"] + 0.15 < mean["Sitting"] < mean["Walking"] - 0.2
    travelled = {a: 0.0 for a in CONFIG.actions}
    for _, take, pose in clips:
        travelled[action_of(take)] += np.linalg.norm(np.diff(pose[:, 0, :2], axis=0), axis=-1).sum()
    assert travelled["Walking"] > 5 * travelled["Sitting"]
    assert travelled["Walking"] > 3 * travelled["Discussion"]


def test_headings_cover_the_circle(clips):
    across = np.concatenate(
        [pose[:, SKELETON.index("LHip"), :2] - pose[:, SKELETON.index("RHip"), :2] for *_, pose in clips]
    )
    counts, _ = np.histogram(np.arctan2(across[:, 1], across[:, 0]), bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 0.04 * counts.sum()


def test_straight_walking_bends_the_knees_as_published():
    person = make_person(1, "S6")
    t = np.arange(400) / FPS
    draft = Draft(person.body, person.style, person.stride, np.random.default_rng(0), t, 1.0)
    draft.xy[:, 0] = 0.8 * person.stride.length_m / draft.stride_s * t
    pose = draft.positions()[100:300]
    phase = (draft.route().clock(1)[100:300] - person.stride.initial_contact) % 1
    knee, published = joint_angles_deg(pose)["knee_flexion"][:, 1], np.degrees(sagittal_angles(phase)[1])
    assert np.corrcoef(knee, published)[0, 1] > 0.85
    assert abs(knee.max() - published.max()) < 8
    assert np.abs(knee - published).mean() < 14


def test_same_seed_same_bytes_other_seed_other_data(tmp_path):
    first = make_files(SMALL, tmp_path / "a")
    second = make_files(SMALL, tmp_path / "b")
    digest = lambda path: hashlib.sha256(Path(path).read_bytes()).hexdigest()  # noqa: E731
    assert [digest(p) for p in first] == [digest(p) for p in second]
    other = SyntheticConfig(**{**vars(SMALL), "seed": 4})
    assert other.key != SMALL.key
    a, b = generate(SMALL)[0]["S5"]["Walking"], generate(other)[0]["S5"]["Walking"]
    n = min(len(a), len(b))
    assert np.abs(a[:n] - b[:n]).max() > 0.05


def test_a_take_does_not_depend_on_what_else_is_made():
    alone = generate(SyntheticConfig(seed=3, seconds_per_take=1.0, subjects=("S11",), actions=("Sitting",)))[0]
    np.testing.assert_array_equal(alone["S11"]["Sitting 1"], generate(SMALL)[0]["S11"]["Sitting 1"])
    person = make_person(3, "S11")
    np.testing.assert_array_equal(alone["S11"]["Sitting"], make_take(3, person, "Sitting", 1.0, FPS))


def test_files_are_read_back_as_any_published_file(tmp_path):
    paths = make_files(SMALL, tmp_path)
    before = [path.stat().st_mtime_ns for path in paths]
    dataset = datasets.load("synthetic", paths, "gt")
    assert dataset.synthetic and dataset.fps == 50 and dataset.skeleton.name == "h36m17"
    assert dataset.train_subjects == ("S5",) and dataset.test_subjects == ("S11",)
    assert not dataset.notes
    positions_3d, positions_2d, _, _ = generate(SMALL)
    for name in dataset.clip_names:
        clip = dataset.clip(name)
        np.testing.assert_array_equal(clip.pose_2d_px, positions_2d[name.subject][name.take][name.camera])
        np.testing.assert_array_equal(
            clip.pose_3d_cam_m,
            h36m_cameras()[name.subject][name.camera].world_to_camera(positions_3d[name.subject][name.take]),
        )
    assert len(dataset.clip_names) == 2 * 4 * 4
    assert make_files(SMALL, tmp_path) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before  # not made again


def test_locate_makes_the_default_files_once(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "SyntheticConfig", lambda: SMALL)
    paths = datasets.locate("synthetic", tmp_path / "nowhere", "gt", tmp_path / "cache")
    assert [p.name for p in paths] == ["data_3d_synthetic.npz", "data_2d_synthetic_gt.npz"]
    assert all(p.is_file() and p.parent == tmp_path / "cache" / "synthetic" / SMALL.key for p in paths)
    assert [p.name for p in (tmp_path / "cache" / "synthetic").iterdir()] == [SMALL.key]  # no leftovers


def test_a_killed_or_half_made_folder_is_made_whole(tmp_path):
    whole = [p.read_bytes() for p in make_files(SMALL, tmp_path / "a")]
    half = tmp_path / "b" / SMALL.key
    half.mkdir(parents=True)
    (half / "data_3d_synthetic.npz").write_bytes(whole[0])
    assert [p.read_bytes() for p in make_files(SMALL, tmp_path / "b")] == whole


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "generate", lambda config: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_files(SMALL, tmp_path)
    assert list(tmp_path.iterdir()) == []


def _make(folder):
    return [str(p) for p in make_files(SMALL, folder)]


def test_two_processes_end_with_one_good_set(tmp_path):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        one, two = pool.map(_make, [tmp_path, tmp_path], chunksize=1)
    assert one == two
    assert datasets.load("synthetic", [Path(p) for p in one], "gt").subjects == ("S5", "S11")
    assert [p.name for p in tmp_path.iterdir()] == [SMALL.key]


def test_other_keypoints_are_refused_with_the_choices(tmp_path):
    with pytest.raises(UnknownNameError, match="Choices: gt"):
        datasets.locate("synthetic", tmp_path, "cpn_ft_h36m_dbb", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"subjects": ("S2",)}, UnknownNameError),
        ({"actions": ("Sitting Down",)}, UnknownNameError),
        ({"subjects": ()}, ConfigError),
        ({"subjects": ("S1", "S1")}, ConfigError),
        ({"seed": -1}, ConfigError),
        ({"seconds_per_take": 0.0}, ConfigError),
        ({"seconds_per_take": float("nan")}, ConfigError),
    ],
)
def test_wrong_configurations_are_refused(wrong, error):
    with pytest.raises(error):
        SyntheticConfig(**wrong)


def test_the_customary_split_is_that_of_human36m():
    metadata = synthetic._metadata(SyntheticConfig())
    assert tuple(metadata["train_subjects"]) == TRAIN_SUBJECTS and tuple(metadata["test_subjects"]) == TEST_SUBJECTS
    assert metadata["synthetic"] is True


def test_short_takes_of_one_frame_work():
    positions_3d, *_ = generate(SyntheticConfig(seconds_per_take=0.1, subjects=("S8",)))
    assert all(len(pose) >= 1 and np.isfinite(pose).all() for pose in positions_3d["S8"].values())


def test_periodic_spline_equals_scipy():
    interpolate = pytest.importorskip("scipy.interpolate")
    x, y = np.array([0, 0.12, 0.31, 0.5, 0.8]), np.array([1.0, -2.0, 0.5, 3.0, 2.0])
    ours, theirs = PeriodicSpline(x, y), interpolate.CubicSpline(np.append(x, 1), np.append(y, 1.0), bc_type="periodic")
    at = np.linspace(-1, 2, 301)
    np.testing.assert_allclose(ours(at), theirs(at % 1.0), atol=1e-10)


def test_smooth_below_stays_below():
    limit = np.random.default_rng(0).normal(size=500)
    assert np.all(smooth_below(limit, 6) <= limit + 1e-12)
    np.testing.assert_allclose(smooth_below(np.full(50, 2.0), 6), 2.0)


def test_keyed_reaches_its_keys_and_rests_there():
    t = np.linspace(-1, 5, 601)
    track = keyed(t, [0.0, 1.5, 4.0], [1.0, -2.0, 3.0], [0.5, 0.0, 0.0])
    at = lambda s: track[np.argmin(np.abs(t - s))]  # noqa: E731
    assert (at(-1), at(0.4), at(5)) == (1.0, 1.0, 3.0)
    assert abs(at(1.5) + 2.0) < 1e-6
    assert np.abs(np.diff(track)).max() < 0.06


def test_rotations_agree_with_each_other():
    rng = np.random.default_rng(0)
    for vector in (*rng.normal(size=(20, 3)), np.array([np.pi - 1e-7, 0, 0]), np.zeros(3)):
        matrix = rotation_matrices(vector)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)
        quaternion = matrix_to_quaternion(matrix)
        np.testing.assert_allclose(quaternion_to_matrix(quaternion), matrix, atol=1e-7)
        np.testing.assert_allclose(quaternion_to_matrix(quaternion), matrix, atol=1e-7)
        np.testing.assert_allclose(matrix @ vector, vector, atol=1e-12)
