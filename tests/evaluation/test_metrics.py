"""Metrics and alignment: known values, invariances, degenerate poses, and an independent Procrustes."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from support.tries import tries

from srnet_core.errors import ArrayError, ConfigError, SrnetError
from srnet_core.evaluation import metrics, usual_name
from srnet_core.geometry.align import procrustes, similarity, untilted
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import get_skeleton

SKELETON = get_skeleton("h36m17")
LEGS = Skeleton("legs", ("hip", "l", "r"), (None, "hip", "hip"), left=("l",), right=("r",))
seeds = st.integers(0, 2**32 - 1)
UP = torch.tensor([0.1, -0.9, 0.2], dtype=torch.float64) / np.sqrt(0.86)  # a camera that looks a little down
examples = settings(max_examples=tries(30), deadline=None)


def body(seed, frames=6, joints=17):
    """(N, J, 3) float64 millimetres, root at zero."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 300, (frames, joints, 3))
    return torch.from_numpy(pose - pose[:, :1])


def rotations(seed, frames):
    q = np.random.default_rng(seed).normal(size=(frames, 3, 3))
    q, _ = np.linalg.qr(q)
    return torch.from_numpy(q * np.linalg.det(q)[:, None, None])


def svd_aligned(source, target):
    """Umeyama's alignment of one frame with NumPy's SVD: an independent second opinion."""
    source_0, target_0 = source - source.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(target_0.T @ source_0)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    size = (source_0**2).sum()
    scale = (s * sign).sum() / size if size > 0 else 0.0
    return scale * source_0 @ (u * sign @ vt).T + target.mean(0)


@examples
@given(seed=seeds, noise_mm=st.sampled_from([1e-3, 1.0, 50.0, 1000.0]), mirrored=st.booleans())
def test_procrustes_against_the_svd(seed, noise_mm, mirrored):
    target = body(seed)
    source = 0.7 * target @ rotations(seed, 6) + noise_mm * body(seed + 1) / 300 + 400
    if mirrored:
        source = source * torch.tensor([-1.0, 1, 1])
    expected = np.stack([svd_aligned(s, t) for s, t in zip(source.numpy(), target.numpy())])
    np.testing.assert_allclose(procrustes(source, target), expected, atol=1e-6)


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("which", ["source", "target", "both"])
def test_procrustes_of_flat_poses(rank, which):
    """Points, lines and planes: the distance is the SVD's, and never NaN."""
    flat = torch.tensor([1.0, 1, 1]) * (torch.arange(3) < rank)
    turn = rotations(1, 6)
    source = body(1) * (flat if which != "target" else 1) @ turn
    target = body(2) * (flat if which != "source" else 1) @ turn.mT
    expected = np.stack([svd_aligned(s, t) for s, t in zip(source.numpy(), target.numpy())])
    wanted = np.linalg.norm(expected - target.numpy(), axis=-1)
    np.testing.assert_allclose(joint_distance(procrustes(source, target), target), wanted, atol=1e-3)


def test_procrustes_against_scipy():
    spatial = pytest.importorskip("scipy.spatial")
    source, target = body(3), body(4)
    size = (target - target.mean(1, keepdim=True)).square().sum((1, 2))
    straight, mirrored = (
        (procrustes(s, target) - target).square().sum((1, 2)) / size
        for s in (source, source * torch.tensor([-1.0, 1, 1]))
    )
    # scipy scales the target to unit size, and may mirror
    theirs = [spatial.procrustes(t, s)[2] for t, s in zip(target.numpy(), source.numpy())]
    np.testing.assert_allclose(torch.minimum(straight, mirrored), theirs, rtol=1e-9)
    assert (straight < mirrored).any() and (straight > mirrored).any()


@examples
@given(seed=seeds, scale=st.floats(0.01, 100))
def test_moving_scaling_and_turning_leave_nothing_for_p_mpjpe(seed, scale):
    target = body(seed)
    moved = scale * target @ rotations(seed, 6) + 1000 * body(seed + 7)[:, 1:2] / 300
    assert metrics.p_mpjpe(moved, target).max() < 1e-6
    fit = similarity(moved, target)
    np.testing.assert_allclose(fit.scale, 1 / scale, rtol=1e-9)
    np.testing.assert_allclose(torch.linalg.det(fit.rotation), 1, rtol=1e-9)
    np.testing.assert_allclose(fit.apply(moved), target, atol=1e-6)


@examples
@given(seed=seeds, scale=st.floats(0.01, 100))
def test_scaling_leaves_nothing_for_n_mpjpe_and_turning_does(seed, scale):
    target = body(seed)
    assert metrics.n_mpjpe(scale * target, target).max() < 1e-6
    assert metrics.n_mpjpe(target @ rotations(seed, 6), target).min() > 1


@examples
@given(seed=seeds, degrees=st.floats(-60, 60), heading=st.floats(0, 360))
def test_a_tilt_leaves_nothing_for_v_mpjpe_and_a_turn_about_the_vertical_does(seed, degrees, heading):
    target = body(seed)
    angle, way = np.deg2rad(degrees) / 2, np.deg2rad(heading)
    up = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    tilt = quaternion_to_matrix(
        torch.tensor([np.cos(angle), np.sin(angle) * np.cos(way), np.sin(angle) * np.sin(way), 0])
    )
    assert metrics.v_mpjpe(target @ tilt.T, target, up).max() < 1e-6
    turn = quaternion_to_matrix(torch.tensor([np.cos(0.5), 0, 0, np.sin(0.5)], dtype=torch.float64))
    turned = target @ turn.T
    assert metrics.v_mpjpe(turned, target, up).min() > 1
    anew = quaternion_to_matrix(torch.tensor([0.5, 0.5, -0.5, 0.5], dtype=torch.float64))  # other axes, other up
    np.testing.assert_allclose(
        metrics.v_mpjpe(turned @ anew.T, target @ anew.T, anew @ up), metrics.v_mpjpe(turned, target, up), rtol=1e-9
    )


@examples
@given(seed=seeds)
def test_v_mpjpe_is_the_best_of_all_turns_about_horizontal_axes(seed):
    predicted, target = body(seed), body(seed + 1)
    squared = lambda p: (p - target).square().sum((-2, -1))  # noqa: E731
    best = squared(untilted(predicted, target, UP))
    across = torch.linalg.cross(UP, torch.tensor([0.0, 0, 1], dtype=torch.float64))
    across = across / across.norm()
    along = torch.linalg.cross(UP, across)
    for half in np.linspace(-1.5, 1.5, 13):
        for way in np.linspace(0, np.pi, 7):
            axis = np.cos(way) * across + np.sin(way) * along
            q = torch.cat([torch.tensor([np.cos(half)]), np.sin(half) * axis])
            assert (best <= squared(predicted @ quaternion_to_matrix(q).T) + 1e-6).all()


@examples
@given(seed=seeds)
def test_a_mirrored_pose_is_not_the_pose(seed):
    target = body(seed)
    assert metrics.p_mpjpe(target * torch.tensor([-1.0, 1, 1]), target).min() > 1


@examples
@given(seed=seeds)
def test_identical_poses_have_no_error(seed):
    target = body(seed)
    found = metrics.frame_metrics(target, target, SKELETON, up=UP)
    assert tuple(found) == metrics.METRICS
    for name in ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm", "v_mpjpe_mm", "mpjve_mm", "angle_deg"):
        assert found[name].max() < 1e-5, name
    for name, best in (("pck150", 1), ("p_pck150", 1), ("auc", 30 / 31), ("p_auc", 30 / 31)):
        np.testing.assert_allclose(found[name], best)


@examples
@given(seed=seeds)
def test_each_alignment_helps_the_distance_it_minimises(seed):
    """Root-mean-square errors: none >= scale only >= scale, turn and shift."""
    target = body(seed)
    predicted = 1.3 * target + 0.5 * body(seed + 1)  # not so far off that the best scale is negative
    rms = [
        joint_distance(p, target).square().mean(-1)
        for p in (
            predicted,
            metrics.best_scale(predicted, target)[:, None, None] * predicted,
            procrustes(predicted, target),
        )
    ]
    assert (rms[0] >= rms[1] - 1e-9).all() and (rms[1] >= rms[2] - 1e-9).all()


@examples
@given(seed=seeds, better=st.floats(0, 1))
def test_a_smaller_error_is_never_worse(seed, better):
    target = body(seed)
    error = body(seed + 1) * 0.3
    near, far = (metrics.frame_metrics(target + e, target, SKELETON) for e in (error * better, error))
    for name in ("mpjpe_mm", "mpjve_mm"):
        assert (near[name] <= far[name] + 1e-9).all()
    for name in ("pck150", "auc"):
        assert (near[name] >= far[name] - 1e-12).all()


def test_pck_and_auc_by_hand():
    errors = torch.tensor([[0.0, 5.0, 149.999, 150.0, 1000.0]], dtype=torch.float64)
    assert float(metrics.pck(errors)) == pytest.approx(3 / 5)
    assert float(metrics.auc(errors)) == pytest.approx((30 + 29 + 1) / 5 / 31)
    thresholds = torch.linspace(0, 150, 31, dtype=torch.float64)
    many = torch.rand(50, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 200
    np.testing.assert_allclose(metrics.auc(many), (many[..., None] < thresholds).double().mean((-2, -1)))


def test_velocity_stays_within_sequences():
    target = torch.zeros(6, 3, 3, dtype=torch.float64)
    predicted = target.clone()
    predicted[:, :, 0] = torch.tensor([0.0, 1, 3, 1000, 1010, 5])[:, None]
    found = metrics.velocity_error(predicted, target, [3, 2, 1])
    np.testing.assert_allclose(found, [1.5, 1, 2, 10, 10, float("nan")])
    assert metrics.velocity_error(predicted[:1], target[:1], [1]).isnan().all()


def test_chunks_do_not_show(monkeypatch):
    predicted, target, lengths = body(1, frames=23), body(2, frames=23), [9, 1, 13]
    whole = [metrics.frame_metrics(predicted, target, SKELETON, lengths, original=o) for o in (False, True)]
    monkeypatch.setattr(metrics, "_CHUNK_FRAMES", 4)
    for original in (False, True):
        parts = metrics.frame_metrics(predicted, target, SKELETON, lengths, original=original)
        for name in metrics.METRICS:
            np.testing.assert_allclose(parts[name], whole[original][name], rtol=1e-12, err_msg=name)


def test_angles_and_symmetry_by_hand():
    straight = torch.tensor([[[0.0, 0, 0], [100, 0, 0], [-100, 0, 0]], [[0, 0, 0], [100, 0, 0], [0, 80, 0]]])
    np.testing.assert_allclose(metrics.bone_angles_deg(straight.double(), LEGS), [[180], [90]], atol=1e-12)
    found = metrics.frame_metrics(straight, straight.flip(0), LEGS)
    np.testing.assert_allclose(found["angle_deg"], [90, 90])
    np.testing.assert_allclose(found["symmetry_mm"], [0, 20])
    published = metrics.frame_metrics(straight, straight.flip(0), LEGS, original=True)
    np.testing.assert_allclose(published["angle_deg"], [0, 0], atol=1e-9)  # opposite errors cancel there
    np.testing.assert_allclose(published["symmetry_mm"], [10, 10], rtol=1e-6)


def test_bones_at_the_root_hang_on_its_first_bone():
    named = [(SKELETON.joint_names[a], SKELETON.joint_names[b]) for a, b in metrics.bone_angle_pairs(SKELETON)]
    assert len(named) == 15 and ("RKnee", "RHip") in named and ("LHip", "RHip") in named and ("Spine", "RHip") in named
    assert ("LShoulder", "Thorax") in named


def test_a_subset_of_joints_is_aligned_by_itself():
    predicted, target = body(5), body(6)
    fourteen = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16]
    found = metrics.frame_metrics(predicted, target, SKELETON, joints=fourteen)
    np.testing.assert_allclose(found["p_mpjpe_mm"], metrics.p_mpjpe(predicted[:, fourteen], target[:, fourteen]))
    np.testing.assert_allclose(found["angle_deg"], metrics.frame_metrics(predicted, target, SKELETON)["angle_deg"])


@pytest.mark.parametrize("original", [False, True])
def test_collapsed_predictions_have_finite_errors(original):
    target = body(7)
    for predicted in (torch.zeros_like(target), torch.full_like(target, 123.4), target[:, :1].expand_as(target)):
        found = metrics.frame_metrics(predicted, target, SKELETON, original=original, up=UP)
        assert all(values.isfinite().all() for values in found.values())
        np.testing.assert_allclose(
            found["p_mpjpe_mm"], metrics.mpjpe(target.mean(1, keepdim=True).expand_as(target), target)
        )
    assert metrics.frame_metrics(target, torch.zeros_like(target), SKELETON)["p_mpjpe_mm"].max() < 1e-9


def test_what_does_not_fit_is_refused():
    pose = body(8)
    with pytest.raises(ConfigError, match="do not add up to 6 frames"):
        metrics.frame_metrics(pose, pose, SKELETON, [3, 2])
    with pytest.raises(ConfigError, match="do not add up to 6 frames"):
        metrics.frame_metrics(pose, pose, SKELETON, [6, 0])
    with pytest.raises(ConfigError, match="h36m17 needs"):
        metrics.frame_metrics(pose[:, :5], pose[:, :5], SKELETON)
    broken = pose.clone()
    broken[4, 2, 0] = float("nan")
    with pytest.raises(SrnetError, match="frame 4: predicted poses are not finite in 1 of 6"):
        metrics.frame_metrics(broken, pose, SKELETON)


OF_TWO_POSES = {
    "mpjpe": metrics.mpjpe,
    "n_mpjpe": metrics.n_mpjpe,
    "p_mpjpe": metrics.p_mpjpe,
    "velocity": lambda p, t: metrics.velocity_error(p, t, [len(p)]),
    "angle": lambda p, t: metrics.angle_errors_deg(p, t, SKELETON),
    "pck": lambda p, t: metrics.pck((p - t).norm(dim=-1)),
    "auc": lambda p, t: metrics.auc((p - t).norm(dim=-1)),
    "symmetry": lambda p, t: metrics.symmetry(p - t, SKELETON),
}


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", OF_TWO_POSES)
def test_a_frame_that_is_not_finite_is_nan_in_every_metric_and_leaves_the_others_alone(name, broken):
    generator = torch.Generator().manual_seed(0)
    predicted, target = (torch.randn(9, 17, 3, generator=generator) * 100 for _ in range(2))
    metric = OF_TWO_POSES[name]
    expected = metric(predicted, target)
    assert expected.isfinite().all()
    bad = predicted.clone()
    bad[4, 3, 1] = broken
    found = metric(bad, target)
    touched = {0, 4, 5} if name == "velocity" else {4}  # a motion has two frames, the first of a clip has its mean
    assert {int(i) for i in found.isnan().nonzero()} == touched
    others = [i for i in range(9) if i not in touched]
    torch.testing.assert_close(found[others], expected[others])


@pytest.mark.parametrize("name", ["mpjpe", "n_mpjpe", "p_mpjpe", "velocity", "angle"])
@pytest.mark.parametrize("shape", [(1, 17, 3), (9, 1, 3), (9, 17, 1), (17, 3), (9, 16, 3)])
def test_another_shape_is_refused_instead_of_broadcast(name, shape):
    with pytest.raises(ConfigError):
        OF_TWO_POSES[name](torch.zeros(9, 17, 3), torch.zeros(shape))
    with pytest.raises(ConfigError):
        OF_TWO_POSES[name](torch.zeros(shape), torch.zeros(9, 17, 3))


def test_a_skeleton_of_one_joint_has_positions_and_no_bones():
    one = Skeleton("one", ("Hip",), (None,), (), ())
    poses = torch.zeros(5, 1, 3)
    found = metrics.frame_metrics(poses, poses + 3, one)
    assert float(found["mpjpe_mm"][0]) == pytest.approx(27**0.5)
    assert found["angle_deg"].isnan().all() and found["symmetry_mm"].isnan().all()
    assert metrics.bone_angles_deg(poses, one).shape == (5, 0)
    original = metrics.frame_metrics(poses, poses + 3, one, original=True)
    assert original["angle_deg"].isnan().all()


@pytest.mark.parametrize("joints", [[], [0, 0], [17], [-1]])
def test_joints_that_cannot_be_chosen_are_refused(joints):
    poses = torch.zeros(5, 17, 3)
    with pytest.raises(ConfigError, match="joints"):
        metrics.frame_metrics(poses, poses, SKELETON, joints=joints)


def test_the_joints_of_3dhp_leave_out_the_root_which_always_passes():
    chosen = metrics.joints_3dhp(SKELETON)
    assert len(set(chosen)) == 14 and not {0, 7, 9} & set(chosen)  # Hip, Spine, Neck/Nose
    predicted, target = torch.zeros(4, 17, 3), torch.full((4, 17, 3), 1000.0)
    target[:, 0] = 0
    assert float(metrics.frame_metrics(predicted, target, SKELETON)["pck150"][0]) == pytest.approx(1 / 17)
    assert float(metrics.frame_metrics(predicted, target, SKELETON, joints=chosen)["pck150"][0]) == 0
    with pytest.raises(ConfigError, match="no joint"):
        metrics.joints_3dhp(Skeleton("one", ("Hip",), (None,), (), ()))


NAMES_3DHP = ("Head", "Thorax", *(s + j for j in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Foot") for s in "RL"))


def skeleton_of(*names):
    return Skeleton("other", names, (None, *(names[0] for _ in names[1:])), (), ())


def test_the_joints_of_3dhp_are_found_under_other_names():
    assert [SKELETON.joint_names[i] for i in metrics.joints_3dhp(SKELETON)] == list(NAMES_3DHP)
    eva = get_skeleton("humaneva15")
    assert [eva.joint_names[i] for i in metrics.joints_3dhp(eva)] == [n.replace("Foot", "Ankle") for n in NAMES_3DHP]
    sided = [f"{side}_{j}" for j in ("shoulder", "elbow", "wrist", "hip", "knee") for side in ("right", "left")]
    ankles = ["right_ankle", "left_ankle"]
    other = skeleton_of("pelvis", "right_foot", "left_foot", *sided, *ankles, "neck", "head", "head_top")
    assert [other.joint_names[i] for i in metrics.joints_3dhp(other)] == ["head_top", "neck", *sided, *ankles]
    with pytest.raises(ConfigError, match="no joint RElbow, one of the 14"):
        metrics.joints_3dhp(get_skeleton("humaneva20"))  # has two joints at each elbow


def test_arrays_of_numpy_and_lists_are_taken():
    predicted, target = body(1), body(2)
    arrays = predicted.numpy(), target.numpy()
    for name in ("mpjpe", "n_mpjpe", "p_mpjpe"):
        function = getattr(metrics, name)
        assert torch.equal(function(*arrays), function(predicted, target))
        from_lists = function(*(a.tolist() for a in arrays))  # float32
        torch.testing.assert_close(from_lists.double(), function(predicted, target), rtol=1e-5, atol=1e-3)
    errors = joint_distance(predicted, target)
    assert torch.equal(metrics.pck(errors.numpy()), metrics.pck(errors))
    assert torch.equal(metrics.auc(errors.numpy()), metrics.auc(errors))
    values, same = (metrics.frame_metrics(*poses, SKELETON) for poses in (arrays, (predicted, target)))
    torch.testing.assert_close(values, same, rtol=0, atol=0, equal_nan=True)
    assert metrics.mpjpe(np.zeros((1, 2, 3), int), np.ones((1, 2, 3), int)).item() == pytest.approx(3**0.5)


@pytest.mark.parametrize("wrong", ["path.npz", [[1, 2], [3]], None])
def test_what_is_no_array_is_told(wrong):
    with pytest.raises(ArrayError, match="arrays of numbers"):
        metrics.mpjpe(wrong, wrong)


@pytest.mark.parametrize("shape", [(1, 17, 3), (8, 1, 3), (17, 3), (8, 16, 3)])
def test_distances_to_another_shape_are_refused(shape):
    for kind in (torch.zeros, np.zeros):
        with pytest.raises(ArrayError, match="same shape"):
            joint_distance(kind((8, 17, 3)), kind(shape))


def test_the_threshold_of_pck_is_part_of_its_name():
    predicted, target = body(0), body(1)
    usual, other = (metrics.frame_metrics(predicted, target, SKELETON, **how) for how in ({}, {"pck_mm": 62.5}))
    assert tuple(usual) == metrics.METRICS and tuple(other) == metrics.metric_names(62.5)
    assert "pck62.5" in other and "p_pck62.5" in other and "pck150" not in other
    near = (joint_distance(predicted, target) < 62.5).double().mean(-1)
    torch.testing.assert_close(other["pck62.5"], near)
    assert 0 < near.mean() < 1
    torch.testing.assert_close(other["auc"], usual["auc"])
    assert [usual_name(name) for name in other] == list(metrics.METRICS)
