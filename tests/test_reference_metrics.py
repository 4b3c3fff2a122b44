"""Metrics against the published code: single functions, and whole evaluations sequence by sequence."""

import json

import numpy as np
import pytest
import torch

from benchmarks.published.runs import EVALUATIONS
from srnet_core.evaluation import metrics
from srnet_core.geometry.align import procrustes
from srnet_core.geometry.arrays import joint_distance
from srnet_core.skeletons import get_skeleton

SKELETON = get_skeleton("h36m17")
CASES = (
    "realistic_small",
    "realistic_noise_root",
    "random",
    "mirrored",
    "similarity",
    "identical",
    "batch4_T1",
    "batch3_T5",
    "one_zero_pred_frame",
    "all_zero_pred",
    "single_frame",
)


@pytest.fixture(scope="module")
def reference(golden_dir):
    """(numbers, arrays) of the single functions."""
    folder = golden_dir / "D_metrics"
    with np.load(folder / "D_metrics.npz") as file:
        return json.loads((folder / "D_metrics.json").read_text()), {
            key: torch.from_numpy(file[key]) for key in file.files
        }


@pytest.fixture(scope="module")
def evaluations(golden_dir):
    return json.loads((golden_dir / "D_metrics" / "D_evaluate.json").read_text())


def poses(arrays, case):
    return arrays[f"{case}/pred"].flatten(0, 1) * 1000, arrays[f"{case}/gt"].flatten(0, 1) * 1000


def wanted(value):
    return value if isinstance(value, float) and np.isfinite(value) else None


@pytest.mark.parametrize("case", CASES)
def test_position_metrics(reference, case):
    numbers, arrays = reference[0][case], reference[1]
    found = metrics.frame_metrics(*poses(arrays, case), SKELETON)
    mean = {name: float(values.nanmean()) for name, values in found.items()}
    for ours, theirs in (("mpjpe_mm", "mpjpe"), ("n_mpjpe_mm", "n_mpjpe"), ("p_mpjpe_mm", "p_mpjpe")):
        if wanted(numbers[theirs]) is not None:  # a frame of zeros makes theirs NaN
            assert mean[ours] == pytest.approx(1000 * numbers[theirs], rel=1e-5, abs=1e-3), ours
        assert torch.isfinite(found[ours]).all()
    errors = joint_distance(*(p.double() for p in poses(arrays, case)))
    assert mean["pck150"] == pytest.approx(numbers["pck150_metres_x1000"], abs=on_a_threshold(errors))
    assert mean["auc"] == pytest.approx(numbers["auc_x1000"], abs=on_a_threshold(errors))


def on_a_threshold(errors_mm):
    """Fraction of joints so near a threshold that float32 may put them on its other side."""
    steps = errors_mm / metrics.AUC_STEP_MM
    return float(((steps - steps.round()).abs() < 1e-5).double().mean()) + 1e-9


@pytest.mark.parametrize("case", [c for c in CASES if not c.startswith("batch")])  # there theirs pairs up all frames
def test_aligned_pck_and_auc(reference, case):
    gathered = reference[0][case]["gather_3d_metrics_x1000"]
    found = metrics.frame_metrics(*poses(reference[1], case), SKELETON)
    if wanted(gathered["aligned_mpjpe"]) is not None:
        assert float(found["p_pck150"].mean()) == pytest.approx(gathered["aligned_pck"], abs=1e-9)
        assert float(found["p_auc"].mean()) == pytest.approx(gathered["aligned_auc"], abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_aligned_poses(reference, case):
    predicted, target = (p.double() for p in poses(reference[1], case))
    theirs = 1000 * reference[1][f"{case}/p_mpjpe_aligned"][0]  # (N, 17, 3)
    good = theirs.isfinite().flatten(1).all(-1)
    ours = procrustes(predicted, target)
    assert ours.isfinite().all() and good.any()
    np.testing.assert_allclose(ours[good], theirs[good], atol=2e-3, rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_velocity_joint_angle_and_symmetry(reference, case):
    numbers, arrays = reference[0][case], reference[1]
    predicted, target = poses(arrays, case)
    if wanted(numbers["mean_velocity_error"]) is not None and len(arrays[f"{case}/pred"]) == 1:
        velocity = metrics.velocity_error(predicted, target, [len(target)]).mean()
        assert float(velocity) == pytest.approx(1000 * numbers["mean_velocity_error"], rel=1e-5)
    joints = joint_distance(predicted.double(), target.double()).mean(0)
    np.testing.assert_allclose(joints, 1000 * np.array(numbers["kpt_mpjpe"]), rtol=1e-5, atol=1e-4)
    for which, p in (("pred", predicted), ("gt", target)):
        theirs = numbers[f"cal_bone_angle_{which}"]
        np.testing.assert_allclose(metrics.original_bone_angles_deg(p.double(), SKELETON).mean(0), theirs, atol=0.02)
        np.testing.assert_allclose(metrics.bone_angles_deg(p.double(), SKELETON).mean(0), theirs, atol=0.1)


@pytest.mark.parametrize("case", CASES)
def test_published_angle_and_symmetry(reference, case):
    numbers, arrays = reference[0][case], reference[1]
    predicted, target = poses(arrays, case)
    lengths = [arrays[f"{case}/pred"].shape[1]] * arrays[f"{case}/pred"].shape[0]
    symmetry = metrics.original_symmetry(predicted, SKELETON, lengths).mean(0)
    np.testing.assert_allclose(symmetry, 1000 * np.array(numbers["cal_bone_sym_pred"]), rtol=1e-5, atol=1e-3)
    angles = metrics.original_angle_errors_deg(predicted, target, SKELETON, [len(target)])
    assert float(angles.mean()) == pytest.approx(numbers["mpjae"], abs=0.02)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_whole_evaluation(evaluations, golden_dir, name):
    """Plain means over frames of `frame_metrics` are the numbers the published `evaluate()` returns."""
    numbers = evaluations[name]
    with np.load(golden_dir / "D_metrics" / f"D_{name}.npz") as file:
        sequences = [
            [torch.from_numpy(file[f"seq{i}/{w}_mm"][0]) for w in ("pred", "gt")] for i in range(len(numbers["frames"]))
        ]
    predicted, target = (torch.cat(side) for side in zip(*sequences))
    lengths = [len(pair[0]) for pair in sequences]
    assert lengths == numbers["frames"]

    found = metrics.frame_metrics(predicted, target, SKELETON, lengths, original=True)
    mean = {metric: float(values.mean()) for metric, values in found.items()}
    for metric, key in (("mpjpe_mm", "e1"), ("p_mpjpe_mm", "e2"), ("n_mpjpe_mm", "e3"), ("mpjve_mm", "ev")):
        assert mean[metric] == pytest.approx(numbers[key], rel=1e-5, abs=1e-3), metric
    assert mean["angle_deg"] == pytest.approx(numbers["angle_deg"], abs=0.02)
    assert mean["symmetry_mm"] == pytest.approx(np.mean(numbers["bone_sym_mm"]), rel=1e-5)
    bones = metrics.original_symmetry(predicted, SKELETON, lengths)
    np.testing.assert_allclose(np.average(bones, axis=0, weights=lengths), numbers["bone_sym_mm"], rtol=1e-5)

    for theirs, start, length in zip(numbers["per_seq"], np.cumsum([0, *lengths]), lengths):
        frames = {metric: float(values[start : start + length].mean()) for metric, values in found.items()}
        one = 1.01 / (17 * length)  # one joint of one frame on the other side of one threshold
        for metric, key in (("pck150", "pck"), ("p_pck150", "aligned_pck"), ("auc", "auc"), ("p_auc", "aligned_auc")):
            assert frames[metric] == pytest.approx(theirs[key], abs=one if "pck" in key else one / 31), metric
        assert frames["p_mpjpe_mm"] == pytest.approx(theirs["aligned_mpjpe"], abs=1e-3)
