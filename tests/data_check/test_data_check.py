"""The geometric check: each way in which people's data are wrong is named, and sound data stay without a word."""

from dataclasses import replace

import numpy as np
import pytest

from srnet_core import datasets
from srnet_core.clip import PoseDataset
from srnet_core.data_check import check_dataset
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_inverse, quaternion_to_matrix
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import get_layout
from srnet_core.skeletons import humaneva15, humaneva20
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.synthetic import take as takes_of

SUBJECTS = ("S1", "S5", "S9")
TAKES = ("Walking", "Sitting", "Greeting 1")


def _people() -> dict[str, dict[str, np.ndarray]]:
    people = {subject: takes_of.make_person(7, subject) for subject in SUBJECTS}
    return {s: {t: takes_of.make_take(7, person, t, 3.0, 50) for t in TAKES} for s, person in people.items()}


def _seen(poses, cameras) -> dict:
    return {
        s: {t: [c.project(c.world_to_camera(p)) for c in cameras[s]] for t, p in takes.items()}
        for s, takes in poses.items()
    }


def _make(poses, views, cameras, **more) -> PoseDataset:
    return PoseDataset("lab", "gt", SKELETON, 50.0, poses, views, cameras, **more)


@pytest.fixture(scope="module")
def sound() -> PoseDataset:
    poses, cameras = _people(), h36m_cameras()
    return _make(poses, _seen(poses, cameras), cameras)


def _poses(dataset: PoseDataset, change) -> PoseDataset:
    changed = {
        s: {t: change(s, pose).astype(np.float32) for t, pose in takes.items()}
        for s, takes in dataset.positions_3d_world_m.items()
    }
    return replace(dataset, positions_3d_world_m=changed)


def _views(dataset: PoseDataset, change) -> PoseDataset:
    changed = {
        s: {t: [change(view, c) for c, view in enumerate(views)] for t, views in takes.items()}
        for s, takes in dataset.positions_2d_px.items()
    }
    return replace(dataset, positions_2d_px=changed)


def _cameras(dataset: PoseDataset, change) -> PoseDataset:
    return replace(dataset, cameras={s: tuple(change(c) for c in rig) for s, rig in dataset.cameras.items()})


def _root_relative(_, pose):
    return pose - pose[:, :1]


def _relative_but_root(_, pose):
    return np.concatenate([pose[:, :1], pose[:, 1:] - pose[:, :1]], axis=1)


def _extrinsic(camera: Camera) -> Camera:
    rotation = quaternion_to_matrix(quaternion_inverse(np.array(camera.orientation)))
    return replace(camera, translation_m=tuple(-rotation @ np.array(camera.translation_m)))


def _half_the_rate(dataset: PoseDataset) -> PoseDataset:
    """3D with every second frame, 2D with all of them."""
    half = _poses(dataset, lambda _, pose: pose[::2])
    cut, surplus = {}, {}
    for s, takes in dataset.positions_2d_px.items():
        lengths = {t: len(half.positions_3d_world_m[s][t]) for t in takes}
        cut[s] = {t: [v[: lengths[t]] for v in views] for t, views in takes.items()}
        surplus[s] = {t: [v[lengths[t] :] for v in views] for t, views in takes.items()}
    return replace(half, positions_2d_px=cut, surplus_2d_px=surplus)


def _in_coco_order(view):
    """What COCO has and the 17 joints have not is put near the head."""
    made = np.repeat(view[:, 10:11], 17, axis=1) + np.arange(17)[None, :, None].astype(np.float32)
    for name, row in get_layout("coco17").weights.items():
        if len(row) == 1:
            made[:, next(iter(row))] = view[:, SKELETON.joint_names.index(name)]
    return made


def _in_box(view):
    return (view - view.min(1, keepdims=True)) / np.ptp(view, axis=1, keepdims=True).max(-1, keepdims=True)


def _swapped_in_the_end(view, _):
    return np.concatenate([view[:75], view[75:, list(SKELETON.mirror)]])


def _cut(dataset: PoseDataset, frames: int) -> PoseDataset:
    return _views(_poses(dataset, lambda _, pose: pose[:frames]), lambda view, _: view[:frames])


def _exchanged(dataset: PoseDataset, one: str, other: str) -> PoseDataset:
    views = dataset.positions_2d_px
    return replace(dataset, positions_2d_px={**views, one: views[other], other: views[one]})


def _permuted(dataset: PoseDataset) -> PoseDataset:
    changed = {
        s: {t: [views[k] for k in (1, 0, 3, 2)] for t, views in takes.items()}
        for s, takes in dataset.positions_2d_px.items()
    }
    return replace(dataset, positions_2d_px=changed)


WRONG = {
    "camera space of one camera": (
        lambda d: _poses(d, lambda s, p: d.cameras[s][0].world_to_camera(p)),
        "in the space of camera 0, so in camera space",
    ),
    "camera space in millimetres": (
        lambda d: _poses(d, lambda s, p: 1000 * d.cameras[s][2].world_to_camera(p)),
        "in the space of camera 2 and in millimetres",
    ),
    "root-relative": (lambda d: _poses(d, _root_relative), "the root is at the origin in every frame"),
    "root-relative in the space of a camera": (
        lambda d: _poses(d, lambda s, p: _root_relative(s, d.cameras[s][0].world_to_camera(p))),
        "the root is at the origin in every frame, in the space of camera 0",
    ),
    "root-relative and y up": (
        lambda d: _poses(d, lambda s, p: _root_relative(s, p)[..., [0, 2, 1]] * [1, 1, -1]),
        "it fits as (x, -z, y)",
    ),
    "relative to another joint": (
        lambda d: _poses(d, lambda _, p: p - p[:, 8:9]),
        "relative to joint 8, Thorax: joint 8, Thorax, is at the origin in every frame",
    ),
    "relative to the middle": (
        lambda d: _poses(d, lambda _, p: p - p.mean(1, keepdims=True)),
        "relative to the mean of the joints",
    ),
    "root-relative but for the root": (
        lambda d: _poses(d, _relative_but_root),
        "all joints but the root are relative to the root",
    ),
    "2D in [-1, 1] by the width": (
        lambda d: _views(d, lambda v, c: v / 500 - np.float32([1, 1.002])),
        "normalized to [-1, 1] by the width",
    ),
    "2D in [0, 1]": (lambda d: _views(d, lambda v, c: v / np.float32([1000, 1002])), "normalized to [0, 1]"),
    "2D as rays": (
        lambda d: _views(d, lambda v, c: (v - d.cameras["S1"][c].center_px) / d.cameras["S1"][c].focal_length_px),
        "divided by the focal length",
    ),
    "2D around the middle": (
        lambda d: _views(d, lambda v, c: v - np.float32([500, 501])),
        "origin of the 2D is the middle",
    ),
    "2D upside down": (lambda d: _views(d, lambda v, c: np.float32([0, 1002]) + v * [1, -1]), "y of the 2D points up"),
    "2D as rows and columns": (lambda d: _views(d, lambda v, c: v[..., ::-1]), "x and y of the 2D are exchanged"),
    "half the resolution": (lambda d: _views(d, lambda v, c: v / 2), "image of about 500 x 50"),
    "a part of the image": (lambda d: _views(d, lambda v, c: v - np.float32([150, 200])), "part of the image"),
    "half the frame rate": (_half_the_rate, "2 times the frame rate of the 3D"),
    "a later beginning": (
        lambda d: _views(d, lambda v, c: np.concatenate([v[10:], np.repeat(v[-1:], 10, 0)])),
        "10 frames earlier",
    ),
    "cameras permuted": (_permuted, "another order than the cameras: view 0 of S1 is of camera 1"),
    "images turned": (
        lambda d: _views(d, lambda v, c: np.stack([1002 - v[..., 1], v[..., 0]], -1)),
        "turned clockwise by a quarter turn",
    ),
    "images turned the other way": (
        lambda d: _views(d, lambda v, c: np.stack([v[..., 1], 1000 - v[..., 0]], -1)),
        "turned counter-clockwise by a quarter turn",
    ),
    "images upside down": (lambda d: _views(d, lambda v, c: np.float32([1000, 1002]) - v), "turned upside down"),
    "mirrored images": (
        lambda d: _views(d, lambda v, c: (np.float32([1000, 0]) + v * [-1, 1])[:, list(SKELETON.mirror)]),
        "of mirrored images, with left and right exchanged",
    ),
    "2D in [-0.5, 0.5]": (lambda d: _views(d, lambda v, c: v / np.float32([1000, 1002]) - 0.5), "to [-0.5, 0.5]"),
    "2D in boxes": (lambda d: _views(d, lambda v, c: _in_box(v)), "by the larger side of the box around the person"),
    "2D in a way of its own": (
        lambda d: _views(d, lambda v, c: v / 120 - 3),
        "normalized in a way of its own: it fits",
    ),
    "another focal length": (
        lambda d: _cameras(d, lambda c: replace(c, focal_length_px=tuple(2 * f for f in c.focal_length_px))),
        "the focal lengths of the cameras are 2 times those",
    ),
    "cameras that are not in pixels": (
        lambda d: _cameras(d, lambda c: replace(c, focal_length_px=(2.29, 2.29), center_px=(0.0, 0.0))),
        "the focal lengths and centres of the cameras are not in pixels",
    ),
    "sides in some frames": (
        lambda d: _views(d, _swapped_in_the_end),
        "left and right are exchanged between 3D and 2D in some",
    ),
    "takes of another subject": (
        lambda d: _exchanged(_cut(d, 140), "S1", "S9"),
        "2D is of other takes: that of S1/Walking/camera 0 is of S9/Walking/camera 0",
    ),
    "left and right": (lambda d: _poses(d, lambda _, p: p[:, list(SKELETON.mirror)]), "left and right are exchanged"),
    "millimetres": (lambda d: _poses(d, lambda _, p: 1000 * p), "in millimetres"),
    "centimetres": (lambda d: _poses(d, lambda _, p: 100 * p), "in centimetres"),
    "a thousandth": (lambda d: _poses(d, lambda _, p: p / 1000), "1000 times too small"),
    "cameras in centimetres": (
        lambda d: _cameras(d, lambda c: replace(c, translation_m=tuple(100 * v for v in c.translation_m))),
        "translations of the cameras are in centimetres",
    ),
    "y up": (lambda d: _poses(d, lambda _, p: p[..., [0, 2, 1]] * [1, 1, -1]), "y up"),
    "y up, mirrored": (lambda d: _poses(d, lambda _, p: p[..., [0, 2, 1]]), "y up"),
    "quaternions with w last": (
        lambda d: _cameras(d, lambda c: replace(c, orientation=(*c.orientation[1:], c.orientation[0]))),
        "w last",
    ),
    "orientations from world to camera": (
        lambda d: _cameras(d, lambda c: replace(c, orientation=tuple(quaternion_inverse(np.array(c.orientation))))),
        "rotate from world to camera",
    ),
    "extrinsic translations": (lambda d: _cameras(d, _extrinsic), "those of p_cam = R p + t"),
    "takes that are centred": (
        lambda d: _poses(d, lambda _, p: p - p[:1, :1] + np.float32([0, 0, 0.9])),
        "the 3D of each take is moved by a constant of its own",
    ),
    "another origin": (
        lambda d: _poses(d, lambda _, p: p + np.float32([1.5, -0.5, 0.25])),
        "the 3D is moved by (1.50, -0.50, 0.25) m against the cameras",
    ),
    "2D in COCO order": (lambda d: _views(d, lambda v, c: _in_coco_order(v)), "the 2D is in the order of coco17"),
    "reversed joints": (lambda d: _views(d, lambda v, c: v[:, ::-1]), "reverse order"),
    "another order of joints": (
        lambda d: _views(d, lambda v, c: v[:, [0, 4, 5, 6, 1, 2, 3, 7, 8, 10, 9, 11, 12, 13, 14, 15, 16]]),
        "in the 2D RHip is 4, RKnee is 5, RFoot is 6, LHip is 1 ...",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(sound, wrong):
    change, words = WRONG[wrong]
    check = check_dataset(change(sound))
    assert check.findings, check.median_share
    first = check.findings[0]
    assert words in first.reason, first.sentence
    assert first.todo and len(check.fits) == 36
    assert not any("\n" in f.sentence for f in check.findings)


def test_sound_data(sound):
    check = check_dataset(sound)
    assert check.findings == () and check.errors == ()
    assert check.median_px < 0.01 and check.median_share < 1e-4
    assert 1.2 < check.person_size_m < 1.9
    assert set(check.by_camera) == {f"{s}/camera {c}" for s in SUBJECTS for c in range(4)}
    assert check.worst in check.fits


@pytest.mark.parametrize("noise_px", [5, 15, 30])
def test_detections_are_not_exact(sound, noise_px):
    rng = np.random.default_rng(0)
    noisy = _views(replace(sound, keypoints="cpn_ft_h36m_dbb"), lambda v, c: v + rng.normal(0, noise_px, v.shape))
    assert check_dataset(noisy).findings == ()
    found = check_dataset(_permuted(noisy)).findings
    assert "another order than the cameras" in found[0].reason and found[0].level == "error"


def test_exact_2d_that_is_not_exact_is_a_note(sound):
    rng = np.random.default_rng(0)
    (finding,) = check_dataset(_views(sound, lambda v, c: v + rng.normal(0, 15, v.shape))).findings
    assert (finding.level, finding.kind, finding.reason) == ("note", "geometry", "")


def test_lenses_that_the_2d_leaves_out_stay_silent(sound):
    flat = _cameras(sound, lambda c: replace(c, radial_distortion=(0, 0, 0), tangential_distortion=(0, 0)))
    assert check_dataset(replace(flat, positions_2d_px=sound.positions_2d_px)).findings == ()


def test_one_subject_with_the_cameras_of_another_order(sound):
    views = dict(sound.positions_2d_px)
    views["S9"] = _permuted(sound).positions_2d_px["S9"]
    (finding,) = check_dataset(replace(sound, positions_2d_px=views)).findings
    assert finding.level == "error" and "in 12 of 36 views" in finding.text
    assert "view 0 of S9 is of camera 1" in finding.reason and "S1" not in finding.reason


def test_one_wrong_take_is_named(sound):
    poses = {s: dict(takes) for s, takes in sound.positions_3d_world_m.items()}
    poses["S5"]["Sitting"] = poses["S5"]["Sitting"] + np.float32([0, 0, 1.5])
    finding = check_dataset(replace(sound, positions_3d_world_m=poses)).findings[0]
    assert finding.level == "error" and "S5/Sitting/camera" in finding.text and "in 4 of 36 views" in finding.text


def test_cameras_that_were_assumed_are_no_error(sound):
    turned = _cameras(sound, lambda c: replace(c, translation_m=(*c.translation_m[:2], c.translation_m[2] + 1.0)))
    assert check_dataset(turned).findings[0].level == "error"
    (finding,) = check_dataset(replace(turned, cameras_assumed=True)).findings
    assert finding.level == "note" and "assumed" in finding.reason
    for certain in ("a thousandth", "cameras permuted"):
        change, words = WRONG[certain]
        finding = check_dataset(change(replace(sound, cameras_assumed=True))).findings[0]
        assert finding.level == "error" and words in finding.reason


def test_world_with_another_vertical_and_cameras_to_match(sound):
    """Nothing but people and cameras tells that y is up here: 3D and 2D fit."""
    turn = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # z -> y

    def turned(camera: Camera) -> Camera:
        orientation = matrix_to_quaternion(turn @ quaternion_to_matrix(np.array(camera.orientation)))
        place = tuple(turn @ np.array(camera.translation_m))
        return replace(camera, orientation=tuple(orientation), translation_m=place)

    data = _cameras(_poses(sound, lambda _, p: p @ turn.T), turned)
    (finding,) = check_dataset(data).findings
    assert (finding.level, finding.kind) == ("note", "up axis") and "has y up" in finding.text


@pytest.mark.parametrize(("factor", "level", "words"), [(0.001, "error", "divided by 1000"), (0.15, "note", "size")])
def test_a_world_that_is_small_as_a_whole(sound, factor, level, words):
    small = _cameras(sound, lambda c: replace(c, translation_m=tuple(factor * v for v in c.translation_m)))
    finding = check_dataset(_poses(small, lambda _, p: factor * p)).findings[0]
    assert (finding.level, finding.kind) == (level, "size") and words in finding.sentence


def test_one_take_in_centimetres(sound):
    """2D of a detector: what is wrong in one take only is no error of its geometry."""
    poses = {s: dict(takes) for s, takes in sound.positions_3d_world_m.items()}
    poses["S5"]["Sitting"] = 100 * poses["S5"]["Sitting"]
    check = check_dataset(replace(sound, positions_3d_world_m=poses, keypoints="cpn_ft_h36m_dbb"))
    (finding,) = check.errors
    assert finding.kind == "size" and "1 of 9 takes" in finding.text and "S5/Sitting" in finding.text
    assert finding.reason == "it is in centimetres"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((500, 500), "principal point is (513, 515)"),
        ((1920, 1080), "principal point is (513, 515)"),
        ((1002, 2000), "principal point is (513, 515)"),
        ((700, 1002), "principal point is (513, 515)"),
    ],
)
def test_images_of_another_size_than_stated(sound, size, words):
    """3D and 2D fit whatever is stated."""
    wrong = _cameras(sound, lambda c: replace(c, width_px=size[0], height_px=size[1]))
    (finding,) = check_dataset(wrong).findings
    assert (finding.level, finding.kind) == ("note", "image size")
    assert words in finding.text and f"{size[0]} x {size[1]}" in finding.text
    assert "res_w and res_h" in finding.todo and "12 cameras" in finding.text


def test_people_outside_the_image(sound):
    """Only the 2D tells: the principal point is in the middle of the image that is stated."""
    small = _cameras(sound, lambda c: replace(c, width_px=400, height_px=400, center_px=(200.0, 200.0)))
    views = _seen(sound.positions_3d_world_m, small.cameras)
    (finding,) = check_dataset(replace(small, positions_2d_px=views)).findings
    assert finding.kind == "image size" and "of the keypoints are outside" in finding.text


def test_bones_of_no_person(sound):
    def longer(_, pose):
        pose = pose.copy()
        pose[:, 2:4] -= [0, 0, 0.6]
        return pose

    poses = _poses(sound, longer)
    data = replace(poses, positions_2d_px=_seen(poses.positions_3d_world_m, sound.cameras))
    (finding,) = check_dataset(data).findings
    assert (finding.level, finding.kind) == ("note", "bones")
    assert finding.text.count("RHip-RKnee") == 1  # not once for each subject


def _of_joints(sound: PoseDataset, skeleton: Skeleton, sources: list[str], change=lambda pose: pose) -> PoseDataset:
    """The same people with other joints: each is one of the 17, under another name."""
    rows = [SKELETON.joint_names.index(name) for name in sources]
    poses = _poses(sound, lambda _, p: change(p[:, rows].copy())).positions_3d_world_m
    return replace(sound, skeleton=skeleton, positions_3d_world_m=poses, positions_2d_px=_seen(poses, sound.cameras))


def _sources(skeleton: Skeleton) -> list[str]:
    """The joints of the 17 that HumanEva's joints are nearest to."""
    others = {"Pelvis": "Hip", "LAnkle": "LFoot", "RAnkle": "RFoot", "Neck": "Neck/Nose"}
    plain = [name.replace("Upper", "").replace("Lower", "") for name in skeleton.joint_names]
    return [others.get(name, name) for name in plain]


OWN_PARENTS: dict[str, str | None] = {
    "root": None,
    "hip_r": "root",
    "knee_r": "hip_r",
    "ankle_r": "knee_r",
    "hip_l": "root",
    "knee_l": "hip_l",
    "ankle_l": "knee_l",
    "neck": "root",
    "top_of_head": "neck",
    "shoulder_l": "neck",
    "elbow_l": "shoulder_l",
    "wrist_l": "elbow_l",
    "shoulder_r": "neck",
    "elbow_r": "shoulder_r",
    "wrist_r": "elbow_r",
}
OWN_15 = Skeleton(
    "own",
    tuple(OWN_PARENTS),
    tuple(OWN_PARENTS.values()),
    left=tuple(joint for joint in OWN_PARENTS if joint.endswith("_l")),
    right=tuple(joint.replace("_l", "_r") for joint in OWN_PARENTS if joint.endswith("_l")),
)
OWN_SOURCES = "Hip RHip RKnee RFoot LHip LKnee LFoot Thorax Head LShoulder LElbow LWrist RShoulder RElbow RWrist"
OTHERS = {
    "humaneva15": (humaneva15.SKELETON, _sources(humaneva15.SKELETON), "LKnee-LAnkle"),
    "humaneva20": (humaneva20.SKELETON, _sources(humaneva20.SKELETON), "LKneeUpper-LAnkle"),
    "own": (OWN_15, OWN_SOURCES.split(), "knee_l-ankle_l"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_skeletons(sound, name):
    skeleton, sources, shank = OTHERS[name]
    assert check_dataset(_of_joints(sound, skeleton, sources)).findings == ()
    feet = [j for j, source in enumerate(sources) if source in ("LFoot", "RFoot")]

    def longer(pose):
        pose[:, feet] -= np.float32([0, 0, 0.8])
        return pose

    (finding,) = check_dataset(_of_joints(sound, skeleton, sources, longer)).findings
    assert finding.kind == "bones" and shank in finding.text
    exchanged = _poses(_of_joints(sound, skeleton, sources), lambda _, p: p[:, list(skeleton.mirror)])
    assert "left and right are exchanged" in check_dataset(exchanged).findings[0].reason


def test_2d_twice_as_long_in_every_take_although_nobody_moves(sound):
    still = _poses(sound, lambda _, p: np.repeat(p[:1], 100, 0))
    views = _seen(still.positions_3d_world_m, sound.cameras)
    surplus = {s: {t: [v.copy() for v in vs] for t, vs in takes.items()} for s, takes in views.items()}
    (finding,) = check_dataset(replace(still, positions_2d_px=views, surplus_2d_px=surplus)).findings
    assert (finding.level, finding.kind) == ("note", "frame counts") and "2 times as long" in finding.text


def test_missing_keypoints_and_views(sound):
    def gaps(view, camera):
        view = view.copy()
        view[::3, 4] = np.nan
        return np.full_like(view, np.nan) if camera == 2 else view

    check = check_dataset(_views(sound, gaps))
    assert check.findings == () and len(check.fits) == 27


def test_plain_values(sound):
    plain = check_dataset(WRONG["y up"][0](sound)).to_dict()
    assert plain["views"] == 36 and plain["findings"][0]["level"] == "error"
    assert plain["worst"]["share"] > plain["median_share"] > 0.25
    empty = check_dataset(_make({}, {}, {})).to_dict()
    assert (empty["views"], empty["median_px"], empty["worst"]) == (0, None, None)


@pytest.mark.parametrize("name", ["cmu", "hdm05", "uiprmd_mini", "uiprmd_h36m"])
def test_real_motion_capture_is_sound(shared_dir, name):
    folder, name = shared_dir / "mocap" / name, name.replace("uiprmd_h36m", "h36m")
    assert check_dataset(datasets.load(name, datasets.locate(name, folder, "gt", folder), "gt")).findings == ()


def test_reference_data_are_sound(golden_dir):
    folder = golden_dir / "E_dataset"
    assert check_dataset(datasets.load("h36m", datasets.locate("h36m", folder, "gt", folder), "gt")).findings == ()


@pytest.mark.parametrize("name", ["hdm05", "cmu"])
def test_real_people_with_left_and_right_exchanged_everywhere(shared_dir, name):
    folder, mirror = shared_dir / "mocap" / name, list(SKELETON.mirror)
    data = datasets.load(name, datasets.locate(name, folder, "gt", folder), "gt")
    data = _views(_poses(data, lambda _, p: p[:, mirror]), lambda v, c: v[:, mirror])
    (finding,) = check_dataset(data).findings
    assert (finding.level, finding.kind) == ("note", "sides")


def test_exchanged_joints_among_detections_of_joints_that_nearly_coincide(sound):
    """Both ends of neighbouring segments (HumanEva) are some millimetres apart: less than a detector errs."""
    twins = {"RKneeLower": "RKnee", "LKneeLower": "LKnee", "RElbowLower": "RElbow", "LElbowLower": "LElbow"}
    of = [sound.skeleton.joint_names.index(joint) for joint in twins.values()]
    names = (*sound.skeleton.joint_names, *twins)
    parents = (*(p if p >= 0 else None for p in sound.skeleton.parents), *of)
    sides = [tuple(n for n in names if n.startswith(side)) for side in "LR"]
    skeleton = Skeleton("twins", names, tuple(None if p is None else names[p] for p in parents), *sides)
    rng = np.random.default_rng(0)

    def with_twins(_, pose):
        return np.concatenate([pose, pose[:, of] + np.float32([0.01, 0.0, -0.01])], axis=1)

    def detected(view, _):
        return (np.concatenate([view, view[:, of]], axis=1) + rng.normal(0, 8, (len(view), len(names), 2))).astype("f4")

    noisy = replace(_views(_poses(sound, with_twins), detected), skeleton=skeleton, keypoints="detected")
    assert not [f for f in check_dataset(noisy).findings if f.kind == "geometry"]
    exchanged = _views(noisy, lambda view, _: view[:, [*range(1, 4), 0, *range(4, len(names))]])
    first = check_dataset(exchanged).findings[0]
    assert "the joints of the 2D are in another order: in the 2D Hip is 3, RHip is 0" in first.reason


def test_a_delay_is_told_from_a_frame_rate(sound):
    """The 2D begins 12 frames too early and is that much longer, whatever the length of the take."""
    late = _views(sound, lambda v, c: np.concatenate([np.repeat(v[:1], 12, 0), v[:-12]]))
    tails = _views(sound, lambda v, c: v[-12:]).positions_2d_px
    lengths = {"Walking": 150, "Sitting": 120, "Greeting 1": 100}
    cut = {s: {t: pose[: lengths[t]] for t, pose in takes.items()} for s, takes in sound.positions_3d_world_m.items()}
    views = {s: {t: [v[: lengths[t]] for v in vs] for t, vs in ts.items()} for s, ts in late.positions_2d_px.items()}
    check = check_dataset(replace(late, positions_3d_world_m=cut, positions_2d_px=views, surplus_2d_px=tails))
    assert "12 frames later" in check.findings[0].reason


@pytest.mark.parametrize("frame", [0, -1])
def test_single_keypoints_far_away_are_counted(sound, frame):
    def wrong(view, camera):
        view = view.copy()
        if camera == 1:
            view[frame, 13] = -9999
        return view

    (finding,) = check_dataset(_views(sound, wrong)).findings
    assert (finding.level, finding.kind) == ("note", "keypoints")
    assert "9 of 9,792 keypoints" in finding.text and "2D (-9999, -9999)" in finding.text
    detected = replace(_views(sound, wrong), keypoints="detectron")
    assert check_dataset(detected).findings == (finding,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda view: view[:, list(SKELETON.mirror)], "there, left and right are exchanged between 3D and 2D"),
        (lambda view: view / 1000, "there, the 2D is normalized to [0, 1]"),
        (lambda view: view[::-1] + np.linspace(0, 90, 17)[:, None], ""),
    ],
)
def test_single_frames_that_do_not_fit_are_counted(sound, change, words):
    def wrong(view, _):
        return np.concatenate([view[:110], change(view[110:])])

    (finding,) = [f for f in check_dataset(_views(sound, wrong)).findings if f.kind == "frames"]
    assert finding.level == "note" and words in finding.reason
    assert "of 576 frames looked at" in finding.text and "the first: S1/Walking/camera 0, frame 114" in finding.text


def test_3d_joints_at_the_origin_are_counted(sound):
    def wrong(_, pose):
        pose = pose.copy()
        pose[0, 13] = 0
        return pose

    (finding,) = check_dataset(_poses(sound, wrong)).findings
    assert finding.kind == "keypoints" and "3D (0, 0, 0)" in finding.text


def test_detections_may_lie_anywhere_on_the_image(sound):
    rng = np.random.default_rng(0)

    def wrong(view, _):
        gone = rng.random(view.shape[:2]) < 0.02
        return np.where(gone[..., None], rng.uniform(0, 1000, view.shape), view)

    assert check_dataset(replace(_views(sound, wrong), keypoints="detectron")).findings == ()


def test_no_reason_is_given_that_fits_badly(sound):
    """A world turned by 45 degrees is none of the known mistakes; a fit with many numbers would come near."""
    turned = _poses(sound, lambda _, p: p @ np.float32([[0.7071, 0.7071, 0], [-0.7071, 0.7071, 0], [0, 0, 1]]))
    assert check_dataset(turned).findings[0].reason == ""
