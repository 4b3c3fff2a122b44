"""Evaluation against the published code: sequence by sequence, and the numbers it printed for its checkpoints."""

import json

import numpy as np
import pytest
import torch
from test_reference_models import one_thread  # noqa: F401 - a fixture

from benchmarks.published.runs import CHECKPOINTS, EVALUATIONS, FINAL_WEIGHTS, PublishedRuns, model_config, parse
from srnet_core import normalization
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig, replace
from srnet_core.evaluation.metrics import original_symmetry
from srnet_core.evaluation.predict import predict_split
from srnet_core.evaluation.run import evaluate_steps, finish, require_fit
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare


@pytest.fixture(scope="module")
def runs(golden_dir, tmp_path_factory):
    return PublishedRuns(golden_dir, tmp_path_factory.mktemp("stages"))


def published_numbers(report) -> dict[str, float]:
    return {m: report.mean[m] for m in ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm", "mpjve_mm", "angle_deg")}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_published_checkpoints_measure_as_published(runs, name):
    """What `srnet eval` does: load the file, prepare the data, measure, average over actions."""
    _, prepared = runs.run_config(name)
    norm = prepared.config.normalization
    path = runs.golden / f"H_e2e/H_{name}_latest_epoch_sr_h36m_gt2d.bin"
    checkpoint = load_checkpoint(path, compat="original", normalization=norm)
    require_fit(checkpoint, prepared.stage)
    report = finish(evaluate_steps(checkpoint.model, prepared.stage))
    assert published_numbers(report) == pytest.approx(runs.printed(CHECKPOINTS[name]), abs=0.0051)  # two digits there


@pytest.mark.parametrize("name", FINAL_WEIGHTS)
def test_published_weights_measure_as_published(runs, name):
    """Normalizations with a decoding of their own, causal, cross-camera, and cross-action with its trained action."""
    config, prepared = runs.run_config(name)
    model = build_model(config.model)
    model.load_state_dict(runs.final_weights(name))
    report = finish(evaluate_steps(model, prepared.stage))
    assert published_numbers(report) == pytest.approx(runs.printed(FINAL_WEIGHTS[name]), abs=0.0051)
    actions = {s.action for s in prepared.stage.clips}
    assert set(report.by_action) == actions


def test_repaired_evaluation_differs_only_where_the_published_one_is_wrong(runs):
    """weak_proj: same network, but decoded by the true inverse, so the ground truth is no longer distorted."""
    config, prepared = runs.run_config("h6_srnet_a111_weak_proj_ch42")
    model = build_model(replace(config.model, compat="trained"))
    model.load_state_dict(runs.final_weights("h6_srnet_a111_weak_proj_ch42"))
    for prediction in predict_split(model, prepared.stage, prepared.stage.split("test")[:4]):
        start, stop = prediction.clip.start, prediction.clip.start + prediction.clip.length
        encoded = [prepared.stage.read(n, start, stop) for n in ("pose_3d", "norm_parameters")]
        np.testing.assert_allclose(prediction.target_m, normalization.load("weak_proj").decode(*encoded), atol=1e-6)
    repaired = finish(evaluate_steps(model, prepared.stage)).mean["mpjpe_mm"]
    assert abs(repaired - runs.printed("h6_srnet_a111_weak_proj_ch42")["mpjpe_mm"]) > 0.5


@pytest.fixture(scope="module")
def evaluations(golden_dir):
    return json.loads((golden_dir / "D_metrics/D_evaluate.json").read_text())


def evaluated_stage(runs, facts, cache_dir):
    args = parse(facts["argv"])
    data = DataConfig(
        dataset="h36m",
        data_dir=str(runs.golden / "E_dataset"),
        cache_dir=str(cache_dir),
        normalization=args.norm,
        subjects_train=("S1",),
        subjects_test=tuple(facts["subjects"]),
        actions=tuple(facts["actions"]),
        test_cameras=tuple(facts["cams"]),
    )
    return prepare(data).stage


@pytest.mark.parametrize("name", EVALUATIONS)
def test_whole_evaluations(runs, evaluations, tmp_path, name):
    """Input, prediction and truth of every sequence in millimetres, and the frame-wise means, from the raw files."""
    facts = evaluations[name]
    args = parse(facts["argv"])
    stage = evaluated_stage(runs, facts, tmp_path)
    model = build_model(model_config(args))
    flip = not args.no_tta
    with np.load(runs.golden / f"D_metrics/D_{name}.npz", allow_pickle=False) as arrays:
        model.load_state_dict({key[2:]: torch.from_numpy(arrays[key]) for key in arrays.files if key.startswith("w/")})
        predictions = list(predict_split(model, stage, stage.split("test"), flip=flip))
        assert [p.clip.length for p in predictions] == facts["frames"]
        for i, p in enumerate(predictions):
            start = p.clip.start
            pose_2d = stage.read("pose_2d", start, start + p.clip.length)
            np.testing.assert_allclose(pose_2d, arrays[f"seq{i}/in_2d"], atol=2e-6, rtol=1e-5)
            scale = np.abs(arrays[f"seq{i}/pred_mm"]).max()
            np.testing.assert_allclose(1000 * p.predicted_m, arrays[f"seq{i}/pred_mm"][0], atol=1e-5 * scale)
            np.testing.assert_allclose(1000 * p.target_m, arrays[f"seq{i}/gt_mm"][0], atol=1e-2)
    report = finish(evaluate_steps(model, stage, flip=flip))
    for ours, theirs in (("mpjpe_mm", "e1"), ("p_mpjpe_mm", "e2"), ("n_mpjpe_mm", "e3"), ("mpjve_mm", "ev")):
        assert report.frame_mean[ours] == pytest.approx(facts[theirs], rel=1e-5, abs=1e-3), ours
    assert report.frame_mean["angle_deg"] == pytest.approx(facts["angle_deg"], abs=0.02)
    assert report.frame_mean["symmetry_mm"] == pytest.approx(np.mean(facts["bone_sym_mm"]), rel=1e-5)
    bones = torch.stack(
        [original_symmetry(1000 * p.predicted_m, stage.skeleton, [len(p.predicted_m)])[0] for p in predictions]
    )
    np.testing.assert_allclose(np.average(bones, axis=0, weights=facts["frames"]), facts["bone_sym_mm"], rtol=1e-5)
