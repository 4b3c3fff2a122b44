"""Cuts tests/reference/ out of the full reference data: numbers only, small enough to lie in the repository.

    python -m benchmarks.published.subset ../shared/golden

Networks are stored as seed, configuration and a few outputs, since weights and inputs follow from the seed
(`recipe.py`). What is left out: networks of more than 100 channels, most of more than three layers,
whole data sets, published checkpoints (pickles).
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published.networks import Golden, model_fields
from benchmarks.published.recipe import keypoints

TARGET = Path(__file__).resolve().parents[2] / "tests/reference"
CLIPS = {"base": "S9/Photo/3", "proj": "S9/Photo/3", "weak_proj": "S9/Photo/3", "lcn": "S9/Photo/3"}
GENERATORS = (
    "c3_aug_shuffle_defaultseed_2epochs",
    "c4_aug_shuffle_pad4_seed1234",
    "c5_causal_pad4_shift4",
    "c6_stride3_pad2_noparams",
    "c9_pad13_longer_than_seq",
)
METRIC_CASES = ("realistic_noise_root", "mirrored", "similarity", "one_zero_pred_frame")
STEPS = ("srnet_g5_multiply_others_a111_base", "srnet_g5_add_others_a333_base")


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def write(name: str, arrays: dict[str, np.ndarray], facts) -> None:
    members: dict[str, Any] = dict(arrays)  # numpy's annotations take keyword arguments for `allow_pickle`
    np.savez_compressed(TARGET / f"{name}.npz", **members)
    (TARGET / f"{name}.json").write_text(json.dumps(facts, indent=0, sort_keys=True) + "\n", encoding="utf-8")


def poses(arrays: dict, key: str) -> np.ndarray:
    """Of the first sample the first and the last frame, in float64."""
    return arrays[f"{key}_f64"][:1, [0, -1]] if key == "tm_seq" else arrays[f"{key}_f64"][:1]


def models(golden: Path) -> None:
    """Configurations of up to 100 channels: every variant, and of most of them only the networks of three layers."""
    source = Golden(golden)
    arrays: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {}
    for name in source.cases():
        entry = source.index[name]
        deep = len(entry["arch"]) > 3 and not name.startswith(("srnet_g5_multiply_others", "fc_", "srnet_lcn"))
        if entry["channels"] > 100 or deep:
            continue
        found = read(golden / "A_models" / entry["file"])
        keys = [k for k in ("o1f_win", "tm_seq") if f"{k}_f64" in found]
        arrays |= {f"{name}/{key}": poses(found, key) for key in keys}
        facts[name] = {
            "model": entry["model"],
            "fields": model_fields(entry),
            "seed": entry["seed"],
            "in_win": entry["arrays"]["in_win"][0],
            "in_seq": entry["arrays"]["in_seq"][0],
        }
    for name, entry in source.vp3d.items():
        if not name.startswith("vp3d") or entry["dense"] or entry["channels"] > 100:
            continue
        found = read(golden / f"F_vp3d/F_{name}.npz")
        arrays |= {f"{name}/{key}": poses(found, key) for key in ("o1f_win", "tm_seq")}
        joints = 0 if entry["num_joints_out"] == 17 else entry["num_joints_out"]
        fields = {
            "filter_widths": entry["arch"],
            "channels": entry["channels"],
            "causal": entry["causal"],
            "negative_slope": 0.0,
            "num_joints_out": joints,
        }
        facts[name] = {
            "model": "fc",
            "fields": fields,
            "seed": entry["seed"],
            "in_win": found["in_win"].shape,
            "in_seq": found["in_seq"].shape,
        }
        for n, key in enumerate(("in_win", "in_seq"), 1):
            np.testing.assert_array_equal(keypoints(found[key].shape, entry["seed"] + n), found[key])
    write("models", arrays, facts)


def normalizations(golden: Path) -> None:
    """Four frames of a clip, and the decoding of a batch that mixes cameras."""
    arrays = {}
    for name, clip in CLIPS.items():
        found = read(golden / f"B_norm/B_norm_{name}.npz")
        for key in ("in_p3d_m", "in_p2d_px", "out_n3d", "out_n2d", "out_params", "intrinsic"):
            if f"{clip}/{key}" in found:
                value = found[f"{clip}/{key}"]
                arrays[f"{name}/{key}"] = value if key == "intrinsic" else value[:4]
        for key in [k for k in found if k.startswith("mixed_batch/pp_")]:
            arrays[f"{name}/{key.removeprefix('mixed_batch/')}"] = found[key]
    write("normalizations", arrays, {"clip": CLIPS})


def batches(golden: Path) -> None:
    """The first epoch of some generators, and the clips they draw from."""
    arrays = {
        f"inputs/{k}": v for k, v in read(golden / "C_generators/C_inputs.npz").items() if k[:4] in ("p2d/", "p3d/")
    }
    for case in GENERATORS:
        found = read(golden / f"C_generators/C_{case}.npz")
        arrays |= {
            f"{case}/{k[3:]}": v.astype(np.float32)
            for k, v in found.items()
            if k.startswith("e0/") and k[-2:] in ("2d", "3d")
        }
    facts = json.loads((golden / "C_generators/C_generators.json").read_text())
    write(
        "batches", arrays, {case: {"shuffle": "'shuffle': False" not in facts[case]["args"][2]} for case in GENERATORS}
    )


def metrics(golden: Path) -> None:
    found = read(golden / "D_metrics/D_metrics.npz")
    numbers = json.loads((golden / "D_metrics/D_metrics.json").read_text())
    write(
        "metrics",
        {f"{case}/{which}": found[f"{case}/{which}"] for case in METRIC_CASES for which in ("pred", "gt")},
        {case: {k: v for k, v in numbers[case].items() if not isinstance(v, str)} for case in METRIC_CASES},
    )


def training(golden: Path) -> None:
    """One step: batch, loss, gradients, and the state after it."""
    facts = json.loads((golden / "A_train/T_train.json").read_text())
    arrays: dict[str, np.ndarray] = {}
    for name in STEPS:
        found = read(golden / f"A_train/T_{name}.npz")
        keep = ("step0/in_2d", "step0/in_3d", "step0/pred", "step0/grad/", "step0/after/")
        arrays |= {f"{name}/{k}": v for k, v in found.items() if k.startswith(keep)}
    initial = json.loads((golden / "A_ckpt/A_ckpt.json").read_text())["default_init_seed4321"]
    write(
        "training",
        arrays,
        {
            "steps": {
                n: {"argv": facts[n]["argv"], "seed": facts[n]["seed"], "loss": facts[n]["l1_losses"][0]} for n in STEPS
            },
            "initial_weights_sha256": {name: entry["digest_model_pos_train"] for name, entry in initial.items()},
        },
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    golden = Path(sys.argv[1]).resolve()
    TARGET.mkdir(exist_ok=True)
    for part in (models, normalizations, batches, metrics, training):
        part(golden)
    print(f"{sum(f.stat().st_size for f in TARGET.iterdir()) / 2**20:.2f} MiB in {TARGET}")


if __name__ == "__main__":
    main()
