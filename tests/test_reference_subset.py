"""A subset of the reference data that lies in the repository, so that it is checked everywhere.

`python -m benchmarks.published.subset` cuts it out of the full data, which the other test_reference files use.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_reference_metrics import SKELETON, on_a_threshold, wanted
from test_reference_models import assert_close, one_thread  # noqa: F401 - a fixture
from test_reference_training import (
    check_gradients,
    check_prediction,
    check_state,
)

from benchmarks.published.normalizations import h36m_camera, our_parameters
from benchmarks.published.recipe import digest, keypoints, tensor
from benchmarks.published.runs import model_config, parse
from benchmarks.published.training import GivenBatches
from srnet_core import normalization
from srnet_core.config import TrainConfig
from srnet_core.evaluation import metrics
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.camera import Camera
from srnet_core.models import build_model
from srnet_core.sampling.windows import WindowSampler
from srnet_core.training.loop import Progress, make_optimizer, train_epochs

FOLDER = Path(__file__).resolve().parent / "reference"
MAX_BYTES = 3 * 2**20


def facts_of(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def arrays_of(name):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def test_the_subset_is_small():
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) < MAX_BYTES


# ---------------------------------------------------------------- networks

MODELS = facts_of("models")
FAMILIES = sorted({"_".join(name.split("_")[:2]) for name in MODELS})


@pytest.fixture(scope="module")
def outputs():
    return arrays_of("models")


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_networks(outputs, family):
    """float64 within 1e-12 of the largest output, float32 within 1e-5 * max(1, largest)."""
    for name, facts in MODELS.items():
        if "_".join(name.split("_")[:2]) != family:
            continue
        model = seeded_model(facts)
        for key, form in (("o1f_win", "strided"), ("tm_seq", "dilated")):
            if f"{name}/{key}" not in outputs or (
                facts["fields"].get("dense") and facts["model"] == "fc" and key == "o1f_win"
            ):
                continue
            expected = outputs[f"{name}/{key}"]
            window = key.replace("o1f", "in").replace("tm", "in")
            x = torch.from_numpy(keypoints(facts[window], facts["seed"] + 1 + (window == "in_seq")))[:1]
            for dtype in (torch.float32, torch.float64):
                model.to(dtype)
                y = model.forward_strided(x.to(dtype)) if form == "strided" else model(x.to(dtype))[:, [0, -1]]
                assert_close(y, expected.astype(np.float64 if dtype == torch.float64 else np.float32))


def seeded_model(facts):
    model = build_model(facts["model"], compat="original", **facts["fields"])
    model.load_state_dict(seeded_state(model, facts["seed"]))
    return model.eval()


def seeded_state(model, seed):
    return {k: torch.from_numpy(tensor(k, tuple(v.shape), seed)) for k, v in model.state_dict().items()}


def test_initial_weights():
    """The published initialization after `torch.manual_seed(4321)`, bit for bit."""
    known = facts_of("training")["initial_weights_sha256"]
    torch.manual_seed(4321)
    state = build_model("srnet", filter_widths=(3, 3, 3), channels=42).state_dict()
    assert digest(state) == known["srnet_g5_multiply_others_a333_42"]
    torch.manual_seed(4321)
    assert digest(build_model("fc").state_dict()) == known["fc_a111_1024"]


# ---------------------------------------------------------------- normalizations


@pytest.fixture(scope="module")
def poses():
    return arrays_of("normalizations")


@pytest.mark.parametrize("name", ["base", "proj", "weak_proj", "lcn"])
def test_normalizations(poses, name):
    plugin = normalization.load(name)
    pose_3d, pose_2d = poses[f"{name}/in_p3d_m"], poses[f"{name}/in_p2d_px"]
    base = Camera("reference", 1000, 1002, (1145, 1143), (512, 515))
    camera = base if name == "base" else h36m_camera(poses[f"{name}/intrinsic"])
    encoded = plugin.encode(pose_2d, pose_3d, camera)
    target = poses[f"{name}/out_n3d"].copy()
    if name == "base":
        target[:, 0] = 0
    np.testing.assert_allclose(encoded.pose_2d, poses[f"{name}/out_n2d"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(encoded.pose_3d, target, rtol=1e-6, atol=1e-6)
    back = plugin.decode(encoded.pose_3d, encoded.parameters)
    np.testing.assert_allclose(back, pose_3d - pose_3d[:, :1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["proj", "weak_proj", "lcn"])
def test_decoding_as_published(poses, name):
    parameters = our_parameters(name, poses[f"{name}/pp_cam"], poses[f"{name}/pp_params"])
    for which in ("pred", "gt"):
        back = normalization.load(name).decode_original(poses[f"{name}/pp_{which}_in"], parameters)
        np.testing.assert_allclose(back, poses[f"{name}/pp_{which}_out"], atol=1e-6, rtol=1e-6)


# ---------------------------------------------------------------- batches

SAMPLERS = {
    "c3_aug_shuffle_defaultseed_2epochs": {"receptive_field": 1, "windows_per_batch": 8},
    "c4_aug_shuffle_pad4_seed1234": {"receptive_field": 9, "windows_per_batch": 8, "seed": 1234},
    "c5_causal_pad4_shift4": {"receptive_field": 9, "windows_per_batch": 8, "causal": True},
    "c6_stride3_pad2_noparams": {"receptive_field": 5, "windows_per_batch": 4, "stride": 3},
    "c9_pad13_longer_than_seq": {"receptive_field": 27, "windows_per_batch": 16, "flip": False},
}


@pytest.mark.parametrize("case", SAMPLERS)
def test_batches(case):
    arrays = arrays_of("batches")
    poses_2d, poses_3d = ([arrays[f"inputs/{kind}/{i}"] for i in range(3)] for kind in ("p2d", "p3d"))
    lengths = [len(p) for p in poses_3d]
    sampler = WindowSampler(
        *(torch.from_numpy(np.concatenate(p)) for p in (poses_2d, poses_3d)),
        list(zip(np.cumsum([0, *lengths[:-1]]), lengths)),
        SKELETON.mirror,
        **{"causal": False} | SAMPLERS[case],
    )
    if not facts_of("batches")[case]["shuffle"]:
        sampler.random = SimpleNamespace(permutation=np.arange)
    found = list(sampler.epoch())
    assert found
    for index, batch in enumerate(found):
        np.testing.assert_array_equal(batch.pose_2d, arrays[f"{case}/b{index}/2d"])
        np.testing.assert_array_equal(batch.pose_3d, arrays[f"{case}/b{index}/3d"])


# ---------------------------------------------------------------- metrics


@pytest.mark.parametrize("case", sorted(facts_of("metrics")))
def test_metrics(case):
    numbers, arrays = facts_of("metrics")[case], arrays_of("metrics")
    predicted, target = (1000 * torch.from_numpy(arrays[f"{case}/{which}"]).flatten(0, 1) for which in ("pred", "gt"))
    found = {m: float(v.nanmean()) for m, v in metrics.frame_metrics(predicted, target, SKELETON).items()}
    checked = 0
    for ours, theirs in (("mpjpe_mm", "mpjpe"), ("n_mpjpe_mm", "n_mpjpe"), ("p_mpjpe_mm", "p_mpjpe")):
        if wanted(numbers.get(theirs)) is not None:  # a frame of zeros makes theirs NaN
            assert found[ours] == pytest.approx(1000 * numbers[theirs], rel=1e-5, abs=1e-3), ours
            checked += 1
    assert checked
    slack = on_a_threshold(joint_distance(predicted.double(), target.double()))
    assert found["pck150"] == pytest.approx(numbers["pck150_metres_x1000"], abs=slack)
    assert found["auc"] == pytest.approx(numbers["auc_x1000"], abs=slack)


# ---------------------------------------------------------------- a training step


class OneStep(dict):
    """Arrays of a single step under the names that the full files have."""

    files = property(list)


@pytest.mark.parametrize("name", sorted(facts_of("training")["steps"]))
def test_training_step(name):
    facts = facts_of("training")["steps"][name]
    arrays = OneStep(
        (k.removeprefix(f"{name}/"), v) for k, v in arrays_of("training").items() if k.startswith(f"{name}/")
    )
    model = build_model(model_config(parse(facts["argv"])))
    model.load_state_dict(seeded_state(model, facts["seed"]))
    predictions = []
    model.register_forward_hook(lambda module, inputs, output: predictions.append(output))
    config = TrainConfig(batch_size=16, lr=1e-3)
    steps = train_epochs(model, GivenBatches(arrays, "base"), make_optimizer(model, config), config, Progress())
    assert float(next(steps).loss) == pytest.approx(facts["loss"], rel=5e-6)
    check_prediction(predictions[0].detach(), arrays["step0/pred"])
    check_gradients(model, arrays)
    check_state(model, arrays, "step0/after/")
