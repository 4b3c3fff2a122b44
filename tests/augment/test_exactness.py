"""What the cameras see of augmented people is what the NumPy camera says they see; bones and joints stay possible."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from augment_support import CAMERAS, FPS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.tries import tries

from srnet_core.augment import STEPS, joints
from srnet_core.augment._people import Rig
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import (
    AnglesConfig,
    BonesConfig,
    JointsConfig,
    LayoutConfig,
    NoiseConfig,
    PartsConfig,
    PlaceConfig,
    ViewConfig,
)
from srnet_core.normalization import load, names
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.synthetic.limits import LIMITS_DEG, joint_angles_deg

PARENTS, CHILDREN = np.array(SKELETON.bones).T
BODY = "parts,angles,bones,place,view"
TRUNK = ("Spine", "Thorax", "Neck/Nose", "Head")


def bone_lengths(pose) -> np.ndarray:
    pose = np.asarray(pose, np.float64)
    return np.linalg.norm(pose[..., CHILDREN, :] - pose[..., PARENTS, :], axis=-1)


@settings(max_examples=tries(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**62), frames=st.sampled_from([1, 7]), use=st.sampled_from([*STEPS[:5], BODY]))
def test_pixels_are_those_of_the_numpy_camera(augmented, seed, frames, use):
    pixels, pose_m = augmented(12, frames, use, seed=seed)
    assert pose_m[..., 2].min() > 0.49
    for window, pose in enumerate(pose_m.double().numpy()):
        expected = CAMERAS[window % len(CAMERAS)].project(pose)
        assert np.abs(pixels[window].numpy() - expected).max() < 1e-3


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("use", [BODY, "view,noise"])
def test_a_batch_is_what_the_normalization_makes_of_the_projected_pose(augmented, name, use):
    """The NumPy encoding of pixels and pose, each taken from the same draw, is the yardstick."""
    pixels, pose_m = augmented(8, 3, use, seed=5)
    plugin = load(name)
    pose_2d, pose_3d = augmented(8, 3, use, seed=5, normalization=plugin)
    for window in range(8):
        camera = CAMERAS[window % len(CAMERAS)]
        encoded = plugin.encode(pixels[window].numpy(), pose_m[window].numpy(), camera)
        np.testing.assert_allclose(pose_2d[window], encoded.pose_2d, atol=1e-5 if "noise" in use else 2e-6)
        np.testing.assert_allclose(pose_3d[window], encoded.pose_3d, atol=5e-6)


@pytest.mark.parametrize("use", ["angles", "view", "place", "parts", "parts,angles,place,view", "noise"])
@pytest.mark.parametrize("frames", [1, 9])
def test_bones_keep_their_length(augmented, windows, use, frames):
    before = bone_lengths(windows(40, frames)[0].permute(2, 3, 1, 0))
    _, pose_m = augmented(40, frames, use)
    np.testing.assert_allclose(bone_lengths(pose_m), before, atol=5e-6)


def test_other_people_are_symmetric_and_keep_their_directions(augmented, windows):
    before = windows(40, 3)[0].permute(2, 3, 1, 0).numpy()
    _, pose_m = augmented(40, 3, "bones", bones=BonesConfig(bone_log=0.1, person_log=0.2))
    factors = bone_lengths(pose_m) / bone_lengths(before)  # (B, L, bones)
    assert np.ptp(factors, axis=1).max() < 1e-4  # one factor for a window
    partner = [list(CHILDREN).index(SKELETON.mirror[child]) for child in CHILDREN]
    np.testing.assert_allclose(factors, factors[..., partner], rtol=1e-4)
    person = np.log(factors[:, 0]).mean(1)
    assert 0.12 < person.std() < 0.3 and np.log(factors).std() > person.std()
    directions = [
        (p[..., CHILDREN, :] - p[..., PARENTS, :]) / bone_lengths(p)[..., None] for p in (before, pose_m.numpy())
    ]
    np.testing.assert_allclose(*directions, atol=1e-5)


def test_joints_of_another_capture_system_take_along_what_is_attached(augmented, windows):
    before = windows(60, 3)[0].permute(2, 3, 1, 0)
    _, pose_m = augmented(60, 3, "joints", joints=JointsConfig(end_log=0.0))
    factors = bone_lengths(pose_m) / bone_lengths(before)  # (B, L, bones)
    moved = np.isin(CHILDREN, [SKELETON.index(name) for name in (*TRUNK, "LHip", "RHip", "LShoulder", "RShoulder")])
    assert np.log(factors[..., moved]).std() > 0.15
    np.testing.assert_allclose(factors[..., ~moved], 1, atol=1e-4)  # arms and legs keep their lengths
    _, ends_m = augmented(60, 3, "joints", joints=JointsConfig(trunk_log=0.0, offset_share=0.0))
    factors = bone_lengths(ends_m) / bone_lengths(before)
    ends = np.isin(CHILDREN, [SKELETON.index(name) for name in ("LFoot", "RFoot", "LWrist", "RWrist")])
    assert np.ptp(factors, axis=1).max() < 1e-4  # the same in all frames of a window
    assert np.log(factors[..., ends]).std() > 0.05
    np.testing.assert_allclose(factors[..., ~ends], 1, atol=1e-4)


def test_joints_of_another_capture_system_are_mirror_images_and_stay_the_same_in_a_window():
    bones = torch.zeros(3, 17, 40, 2)  # (3, J, B, L): forward, left, up; in the second frame the person is turned
    for joint, (left, up) in {"RHip": (-0.1, 0), "LHip": (0.1, 0), "Spine": (0, 0.2), "Thorax": (0, 0.2)}.items():
        bones[1, SKELETON.index(joint)], bones[2, SKELETON.index(joint)] = left, up
    bones[1, SKELETON.index("RShoulder")], bones[1, SKELETON.index("LShoulder")] = -0.15, 0.15
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # a quarter turn about the vertical
    bones[..., 1] = torch.einsum("ij,jkb->ikb", turn, bones[..., 1])
    rig = Rig(SKELETON, 50.0, 0, torch.device("cpu"))
    changed = joints.apply(bones, JointsConfig(), Draws(torch.device("cpu"), 1), rig)
    torch.testing.assert_close(changed[..., 1], torch.einsum("ij,jkb->ikb", turn, changed[..., 0]))
    for right, left in (("RHip", "LHip"), ("RShoulder", "LShoulder")):
        mirrored = changed[:, SKELETON.index(left), :, 0] * torch.tensor([1.0, -1.0, 1.0])[:, None]
        torch.testing.assert_close(changed[:, SKELETON.index(right), :, 0], mirrored)
    for name in ("Spine", "Thorax"):  # the middle of the body stays in the middle
        assert changed[1, SKELETON.index(name), :, 0].abs().max() < 1e-7
        assert changed[0, SKELETON.index(name), :, 0].std() > 0.01


def violations_deg(pose_m: np.ndarray, before: np.ndarray) -> dict[str, float]:
    """How far (T, 17, 3) poses are outside the limits, beyond what the poses they were made from are."""
    found = {}
    with np.errstate(invalid="ignore"):
        now, was = joint_angles_deg(pose_m), joint_angles_deg(before)
        for name, (low, high) in LIMITS_DEG.items():
            least, most = np.fmin(was[name], low), np.fmax(was[name], high)
            found[name] = float(np.nanmax(np.maximum(least - now[name], now[name] - most)))
    return found


@pytest.mark.parametrize("frames", [1, 25])
def test_joints_keep_their_limits_and_the_limits_can_be_switched_off(augmented, windows, frames):
    before = windows(400, frames)[0].permute(2, 3, 1, 0).flatten(0, 1).double().numpy()
    worst = {}
    for limits in (True, False):
        angles = AnglesConfig(share=1.0, limb_deg=35, end_deg=35, trunk_deg=20, limits=limits)
        _, pose_m = augmented(400, frames, "angles", angles=angles)
        worst[limits] = violations_deg(pose_m.flatten(0, 1).double().numpy(), before)
    assert max(worst[True].values()) < 0.1, worst[True]
    assert worst[False]["knee_rotation"] > 60  # bent backwards
    assert sum(v > 5 for v in worst[False].values()) >= 6


def test_angles_of_no_size_change_nothing(augmented, windows):
    before = windows(60, 3)[0].permute(2, 3, 1, 0)
    _, pose_m = augmented(60, 3, "angles", angles=AnglesConfig(share=1.0, limb_deg=0, end_deg=0, trunk_deg=0))
    straightened = (pose_m - before).abs().amax((1, 2, 3)) > 1e-4  # a knee a little beyond straight is made straight
    assert straightened.float().mean() < 0.1
    assert (pose_m - before).abs().max() < 0.05


def test_half_of_the_windows_get_new_angles_of_the_size_asked_for(augmented, windows):
    before = windows(400)[0].permute(2, 3, 1, 0)
    _, pose_m = augmented(400, 1, "angles", angles=AnglesConfig(limits=False, trunk_deg=0, end_deg=0, limb_deg=25))
    changed = (pose_m - before).abs().amax((1, 2, 3)) > 1e-3
    assert changed.float().mean() == 0.5
    elbow, shoulder = SKELETON.index("RElbow"), SKELETON.index("RShoulder")
    old, new = (p[changed][:, 0, elbow] - p[changed][:, 0, shoulder] for p in (before, pose_m))
    turned_deg = torch.rad2deg(torch.atan2(torch.linalg.cross(old, new).norm(dim=-1), (old * new).sum(-1)))
    # an axis across the bone turns it by the whole angle, one along it by nothing: sqrt(2/3) on average
    assert 0.7 * 25 < turned_deg.square().mean().sqrt() < 0.95 * 25


@pytest.mark.parametrize("limits", [True, False])
def test_angles_drift_slowly_over_a_window(augmented, windows, limits):
    before = windows(60, 81)[0].permute(2, 3, 1, 0)
    _, pose_m = augmented(60, 81, "angles", angles=AnglesConfig(share=1.0, limits=limits))
    speeds = [(p[:, 1:] - p[:, :-1]).norm(dim=-1) * FPS for p in (before, pose_m)]  # metres per second
    assert speeds[1].max() < 1.3 * speeds[0].max()
    change = (speeds[1] - speeds[0]).abs().flatten()
    assert change.kthvalue(int(0.999 * len(change))).values < 1.0
    added = (pose_m - before) - (pose_m - before)[:, :1]
    assert added.norm(dim=-1).amax(1).mean() > 0.01  # it does drift


def test_a_view_is_a_rigid_movement_of_the_size_asked_for(augmented, windows):
    before = windows(300, 3)[0].permute(2, 3, 1, 0).double().numpy()
    _, pose_m = augmented(300, 3, "view", view=ViewConfig(yaw_deg=180, pitch_deg=15, roll_deg=0, ray_deg=6))
    pose_m = pose_m.double().numpy()
    flat = [p.reshape(len(p), -1, 3) for p in (before, pose_m)]
    distances = [np.linalg.norm(p[:, :, None] - p[:, None], axis=-1) for p in flat]
    np.testing.assert_allclose(*distances, atol=1e-5)  # over all frames: the window moves as one
    centre = [p[:, 1, 0] for p in (before, pose_m)]  # the root in the middle frame, about which the view turns
    scale = np.linalg.norm(centre[1], axis=-1) / np.linalg.norm(centre[0], axis=-1)
    assert 0.799 < scale.min() < 0.82 and 1.22 < scale.max() < 1.251
    rays = [c / np.linalg.norm(c, axis=-1, keepdims=True) for c in centre]
    moved_deg = np.degrees(np.arccos((rays[0] * rays[1]).sum(-1).clip(-1, 1)))
    assert 5.5 < moved_deg.max() < 6.001
    assert np.median(moved_deg) == pytest.approx(6 / math.sqrt(2), rel=0.15)  # spread evenly over the disc


def test_yaw_turns_about_the_vertical_of_the_world(augmented, windows):
    """With nothing but yaw every joint keeps its height above the root, in whatever direction the camera looks."""
    only = ViewConfig(pitch_deg=0, roll_deg=0, ray_deg=0, nearest_scale=1, farthest_scale=1)
    before = windows(40)[0].permute(2, 3, 1, 0).double().numpy()
    _, pose_m = augmented(40, 1, "view", view=only)
    turned = 0
    for window, (old, new) in enumerate(zip(before, pose_m.double().numpy(), strict=True)):
        old_world, new_world = (CAMERAS[window % 4].camera_to_world(p[0]) for p in (old, new))
        np.testing.assert_allclose(new_world[:, 2], old_world[:, 2], atol=1e-5)
        np.testing.assert_allclose(new_world[0], old_world[0], atol=1e-5)
        turned += np.abs(new_world - old_world).max() > 0.1
    assert turned > 30


def test_a_share_of_the_people_is_tilted_so_that_some_lie(augmented, windows):
    """Nothing but a tilt: one rotation of the window about a level axis, none in half of the windows."""
    only = ViewConfig(
        yaw_deg=0,
        pitch_deg=0,
        roll_deg=0,
        ray_deg=0,
        nearest_scale=1,
        farthest_scale=1,
        tilt_share=0.5,
        tilt_deg=110,
    )
    before = windows(400, 3)[0].permute(2, 3, 1, 0).double().numpy()
    _, pose_m = augmented(400, 3, "view", view=only)
    angles_deg, axes = [], []
    for window, (old, new) in enumerate(zip(before, pose_m.double().numpy(), strict=True)):
        old_world, new_world = (CAMERAS[window % 4].camera_to_world(p) for p in (old, new))
        old_world, new_world = old_world - old_world[1, :1], new_world - new_world[1, :1]
        left, _, right = np.linalg.svd(new_world.reshape(-1, 3).T @ old_world.reshape(-1, 3))
        turn = left @ right  # the rotation that makes the new pose of the old one
        np.testing.assert_allclose(old_world @ turn.T, new_world, atol=1e-4)  # one rotation for all frames
        angle = math.degrees(math.acos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        angles_deg.append(angle)
        if 5 < angle < 175:
            axes.append([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    axes = np.array(axes) / np.linalg.norm(axes, axis=-1, keepdims=True)
    assert np.abs(axes[:, 2]).max() < 1e-3  # level
    assert np.abs(axes[:, :2].mean(0)).max() < 0.2  # of any direction
    tilted = np.array(angles_deg) > 0.1
    assert 0.4 < tilted.mean() < 0.6
    assert 100 < np.max(angles_deg) < 110.01


def test_a_place_moves_within_its_box_along_the_room(augmented, windows):
    config = PlaceConfig(sideways_m=0.0, depth_m=1.0, height_m=0.4)
    before = windows(400)[0].permute(2, 3, 1, 0).double().numpy()
    _, pose_m = augmented(400, 1, "place", place=config)
    moved = []
    for window, (old, new) in enumerate(zip(before, pose_m.double().numpy(), strict=True)):
        camera = CAMERAS[window % 4]
        shift = camera.camera_to_world(new[0]) - camera.camera_to_world(old[0])
        np.testing.assert_allclose(shift, shift[:1].repeat(17, 0), atol=1e-5)
        moved.append([np.hypot(*shift[0, :2]), abs(shift[0, 2])])
    assert 0.95 < np.max(moved, 0)[0] < 1.001 and 0.38 < np.max(moved, 0)[1] < 0.401


def test_nobody_comes_into_the_camera(augmented):
    _, pose_m = augmented(60, 3, "place,view", place=PlaceConfig(depth_m=8.0), view=ViewConfig(nearest_scale=0.1))
    assert pose_m[..., 2].min() == pytest.approx(0.5, abs=1e-4)


def test_parts_come_from_other_windows(augmented, windows):
    """Knee angles are of the leg alone: each is one that some window has, and many are another window's."""

    def knee_deg(pose):
        hip, knee, foot = (pose[:, 0, SKELETON.index(n)] for n in ("RHip", "RKnee", "RFoot"))
        a, b = knee - hip, foot - knee
        return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))

    before = windows(100)[0].permute(2, 3, 1, 0).double().numpy()
    _, pose_m = augmented(100, 1, "parts", parts=PartsConfig(share=1.0, probability=0.5))
    old, new = knee_deg(before), knee_deg(pose_m.double().numpy())
    nearest = np.abs(new[:, None] - old[None]).min(1)
    assert nearest.max() < 0.02
    assert 0.3 < (np.abs(new - old) > 0.02).mean() < 0.7
    assert max(violations_of_donors(before, pose_m).values()) < 0.5


def violations_of_donors(before, pose_m) -> dict[str, float]:
    """How far recombined poses are outside the limits, or outside of what the worst of the poses shows."""
    found = {}
    with np.errstate(invalid="ignore"):
        was, now = (joint_angles_deg(np.asarray(p, np.float64)[:, 0]) for p in (before, pose_m))
        for name, (low, high) in LIMITS_DEG.items():
            least, most = min(np.nanmin(was[name]), low), max(np.nanmax(was[name]), high)
            found[name] = float(np.nanmax(np.maximum(least - now[name], now[name] - most)))
    return found


def test_noise_has_the_size_asked_for_and_is_alike_in_neighbouring_frames(augmented):
    exact, pose_m = augmented(50, 41, "place", place=PlaceConfig(0, 0, 0))
    noisy, same = augmented(50, 41, "noise", noise=NoiseConfig(sigma=0.01, outlier_share=0))
    assert torch.equal(pose_m, same)
    off = (noisy - exact).numpy()
    leg_px = 1145 * 1.0 / float(pose_m[..., 0, 2].mean())
    assert 0.006 * leg_px < off.std() < 0.014 * leg_px
    alike = (off[:, 1:] * off[:, :-1]).mean() / (off**2).mean()
    far = (off[:, 20:] * off[:, :-20]).mean() / (off**2).mean()
    assert alike > 0.95 and abs(far) < 0.1
    deviation = off.std(axis=(0, 2, 3))
    assert deviation.max() / deviation.min() < 1.15  # as large between two draws as at them
    outliers, _ = augmented(50, 41, "noise", noise=NoiseConfig(sigma=0.01, outlier_share=0.05, outlier_sigma=0.5))
    assert np.abs((outliers - exact).numpy()).max() > 5 * np.abs(off).max()
    swapped, _ = augmented(50, 1, "noise", noise=NoiseConfig(sigma=0, outlier_share=0, swap_share=0.5))
    straight, _ = augmented(50, 1, "noise", noise=NoiseConfig(sigma=0, outlier_share=0))
    exchanged = (swapped - straight[:, :, list(SKELETON.mirror)]).abs().amax((1, 2, 3)) < 1e-3
    assert 0.2 < exchanged.float().mean() < 0.8
    torch.testing.assert_close(swapped[~exchanged], straight[~exchanged])


def test_joints_that_detectors_lack_are_made_as_the_layouts_make_them(augmented):
    exact, pose_m = augmented(60, 5, "place", place=PlaceConfig(0, 0, 0))
    made, same = augmented(60, 5, "layout", layout=LayoutConfig(share=0.5))
    assert torch.equal(pose_m, same)  # the target stays
    changed = (made - exact).abs().amax((1, 2, 3)) > 1e-3
    assert 0.3 < changed.float().mean() < 0.7
    made, exact, pose_m = made[changed], exact[changed], pose_m[changed]
    kept = [
        SKELETON.index(name) for name in SKELETON.joint_names if name not in ("Spine", "Thorax", "Neck/Nose", "Head")
    ]
    torch.testing.assert_close(made[:, :, kept], exact[:, :, kept])
    left, right = (exact[:, :, SKELETON.index(name)] for name in ("LShoulder", "RShoulder"))
    # the middle in space is, up to the perspective, the middle in the image
    assert (made[:, :, SKELETON.index("Thorax")] - (left + right) / 2).abs().max() < 4
    nose_px = (made - exact)[:, :, SKELETON.index("Neck/Nose")].norm(dim=-1)
    metre_px = 1145 / pose_m[:, :, 0, 2]
    assert (nose_px / metre_px).max() < 0.25 and (nose_px / metre_px).mean() > 0.03
    heads = (made - exact)[:, :, SKELETON.index("Head")].abs().amax((1, 2)) > 1e-3
    assert 0.2 < heads.float().mean() < 0.8  # eyes or the top of the head


def test_noise_of_a_detector_has_an_offset_a_jitter_and_windows_without_noise(augmented):
    exact, _ = augmented(200, 21, "place", place=PlaceConfig(0, 0, 0))
    none = NoiseConfig(sigma=0, outlier_share=0)
    for name in ("offset_sigma", "jitter_sigma"):
        noisy, _ = augmented(200, 21, "noise", noise=replace(none, **{name: 0.02}))
        off = (noisy - exact).numpy()
        assert 0.01 < off.std() / 230 < 0.03  # about 230 px are a metre here
        alike = (off[:, 1:] * off[:, :-1]).mean() / (off**2).mean()
        assert alike > 0.99 if name == "offset_sigma" else abs(alike) < 0.05
    varied, _ = augmented(200, 21, "noise", noise=replace(none, jitter_sigma=0.02, spread=1.0))
    sizes = (varied - exact).numpy().std(axis=(1, 2, 3))
    assert sizes.min() < 0.1 * sizes.mean() and sizes.max() > 1.8 * sizes.mean()
