"""Writes docs/parity.md: how far every part is from the published code, measured.

    python -m benchmarks.published.parity ../shared/golden [--output docs/parity.md]

Takes the reference data, some minutes and one core. tests/test_reference_*.py hold the same comparisons to their
tolerances.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from benchmarks.published import batches as published_batches
from benchmarks.published import networks as published_networks
from benchmarks.published import normalizations as published_normalizations
from benchmarks.published import training as published_training
from benchmarks.published.runs import CHECKPOINTS, FINAL_WEIGHTS, PublishedRuns
from srnet_core import normalization
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import TrainConfig
from srnet_core.evaluation import metrics
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.markdown import markdown_table
from srnet_core.models import build_model
from srnet_core.sampling.sampler import Sampler
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.training.loop import Epoch, Notice, Progress, make_optimizer, train_epochs

ROOT = Path(__file__).resolve().parents[2]
METRICS = {"mpjpe_mm": "mpjpe", "n_mpjpe_mm": "n_mpjpe", "p_mpjpe_mm": "p_mpjpe"}


def table(head: list[str], rows: list[list[Any]]) -> str:
    return markdown_table(head, [[_cell(value) for value in row] for row in rows], right=range(1, len(head)))


def _cell(value) -> str:
    return f"{value:.1e}" if isinstance(value, float) else str(value)


def relative(actual, expected) -> float:
    """Largest difference over the largest expected number."""
    actual, expected = (np.asarray(v, np.float64) for v in (actual, expected))
    return float(np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-30))


# ---------------------------------------------------------------- networks


def variant(entry: dict) -> str:
    """What a configuration is, without its depth and width."""
    fields = published_networks.model_fields(entry)
    if entry["model"] == "fc":
        name = "fc"
    else:
        name = f"srnet, {fields['groups']} groups, {fields['recombine']}, {fields['context']}"
        name += f", {fields['context_form'].replace('_', ' ')}" if fields["context_form"] != "learned" else ""
    flags = [flag for flag in ("causal", "dense") if fields.get(flag)] + (
        ["lcn residual"] if fields["residual_2d"] else []
    )
    return ", ".join([name, *flags])


def networks(golden: published_networks.Golden) -> str:
    found: dict[str, list[dict[torch.dtype, float]]] = {}
    for name in golden.cases():
        worst = {torch.float32: 0.0, torch.float64: 0.0}
        for ours, theirs in published_networks.compared_outputs(golden, name):
            worst[ours.dtype] = max(worst[ours.dtype], relative(ours, theirs))
        found.setdefault(variant(golden.index[name]), []).append(worst)
    rows: list[list[Any]] = [
        [v, len(w), max(x[torch.float32] for x in w), max(x[torch.float64] for x in w)]
        for v, w in sorted(found.items())
    ]
    rows.append(["all", sum(r[1] for r in rows), max(r[2] for r in rows), max(r[3] for r in rows)])
    return table(["variant", "configurations", "float32", "float64"], rows)


def videopose3d(golden: published_networks.Golden) -> str:
    rows = []
    for name, entry in golden.vp3d.items():
        if not name.startswith("vp3d"):
            continue
        with np.load(golden.folder / f"F_vp3d/F_{name}.npz", allow_pickle=False) as arrays:
            model = published_networks.vp3d_model(golden, entry, "tm")
            worst = []
            for suffix, dtype in (("", torch.float32), ("_f64", torch.float64)):
                x = {key: torch.from_numpy(arrays[key]).to(dtype) for key in ("in_win", "in_seq")}
                with torch.no_grad():
                    found = {"tm_win": model.to(dtype)(x["in_win"]), "tm_seq": model(x["in_seq"])}
                worst.append(max(relative(found[k], arrays[k + suffix]) for k in found))
        rows.append([name, *worst])
    return table(["network", "float32", "float64"], rows)


# ---------------------------------------------------------------- normalizations, batches, metrics


def normalizations(golden: Path) -> str:
    rows = []
    for name in published_normalizations.NAMES:
        with np.load(golden / f"B_norm/B_norm_{name}.npz", allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        rows.append([name, *_encoding(name, arrays), _published_decoding(name, arrays)])
    return table(["normalization", "input", "target", "there and back, m", "published decoding, m"], rows)


def _encoding(name: str, arrays: dict) -> tuple[float, float, float]:
    worst, plugin = np.zeros(3), normalization.load(name)
    for clip in published_normalizations.clips(arrays):
        encoded, pose = published_normalizations.encode(name, arrays, clip), arrays[f"{clip}/in_p3d_m"]
        target = arrays[f"{clip}/out_n3d"] * (1 if name != "base" else (np.arange(17) > 0)[:, None])
        back = plugin.decode(encoded.pose_3d, encoded.parameters) - (pose - pose[:, :1])
        differences = encoded.pose_2d - arrays[f"{clip}/out_n2d"], encoded.pose_3d - target, back
        worst = np.maximum(worst, [np.abs(d).max() for d in differences])
    encoded_2d, encoded_3d, there_and_back_m = map(float, worst)
    return encoded_2d, encoded_3d, there_and_back_m


def _published_decoding(name: str, arrays: dict) -> float | str:
    places = sorted({key.rsplit("pp_", 1)[0] + "pp_" for key in arrays if key.endswith("pp_pred_in")})
    differences = []
    for place in places:
        parameters = published_normalizations.our_parameters(name, arrays[place + "cam"], arrays[place + "params"])
        for which in ("pred", "gt"):
            back = normalization.load(name).decode_original(arrays[f"{place}{which}_in"], parameters)
            differences.append(float(np.abs(back - arrays[f"{place}{which}_out"]).max()))
    return max(differences) if differences else "-"


def batches(golden: Path) -> str:
    """Batches are compared for equality: a difference raises."""
    rows = []
    for case in published_batches.CASES:
        count = numbers = 0
        for batch, *theirs in published_batches.compared_batches(golden, case):
            for ours, expected in zip((batch.pose_2d, batch.pose_3d), theirs, strict=True):
                np.testing.assert_array_equal(ours.numpy(), expected)
                numbers += expected.size
            count += 1
        rows.append([case, count, numbers, "none"])
    return table(["generator", "batches", "numbers", "difference"], rows)


def metric_numbers(golden: Path) -> str:
    numbers = json.loads((golden / "D_metrics/D_metrics.json").read_text())
    worst = dict.fromkeys(METRICS, 0.0)
    counted = 0
    with np.load(golden / "D_metrics/D_metrics.npz", allow_pickle=False) as arrays:
        cases = sorted({key.split("/")[0] for key in arrays.files} & set(numbers))
        for case in cases:
            pred, gt = (1000 * torch.from_numpy(arrays[f"{case}/{w}"]).flatten(0, 1) for w in ("pred", "gt"))
            found = metrics.frame_metrics(pred, gt, SKELETON)
            counted += 1
            for ours, theirs in METRICS.items():
                value = numbers[case].get(theirs)
                if isinstance(value, float) and np.isfinite(value):
                    worst[ours] = max(worst[ours], abs(float(found[ours].nanmean()) - 1000 * value))
    return table(["metric", "cases", "largest difference, mm"], [[m, counted, w] for m, w in worst.items()])


# ---------------------------------------------------------------- training


def steps(golden: published_networks.Golden) -> str:
    facts = json.loads((golden.folder / "A_train/T_train.json").read_text())
    rows = []
    for name in published_training.STEPS:
        with np.load(golden.folder / f"A_train/T_{name}.npz", allow_pickle=False) as arrays:
            rows.append([name, *three_steps(golden, facts[name], arrays)])
    return table(["run", "loss", "prediction", "gradients", "state after", "Adam", "error in mm"], rows)


def three_steps(golden, facts: dict, arrays) -> list:
    """Largest relative differences over three steps; tensors whose true gradient is zero are left out."""
    model = published_training.start(golden, facts, arrays)
    given, watched = published_training.GivenBatches(arrays, facts["norm"]), published_training.Watched(model)
    sampler = cast(Sampler, given)  # has what the loop reads of a sampler
    optimizer, config = make_optimizer(model, TrainConfig(batch_size=16)), TrainConfig(batch_size=16)
    decode = normalization.load(facts["norm"]).decode_original
    losses, gradients, after = [], [], []
    error = math.nan
    for event in train_epochs(model, sampler, optimizer, config, Progress(), decode):
        if isinstance(event, Epoch):
            error = relative(event.train_mpjpe_mm, facts["train_returned_l2_mm"])
            break
        if isinstance(event, Notice):
            continue
        losses.append(relative(float(event.loss), facts["l1_losses"][event.step - 1]))
        if event.step == 1:
            gradients = [
                relative(p.grad, arrays[f"step0/grad/{k}"]) for k, p in compared(model) if f"step0/grad/{k}" in arrays
            ]
        after += state_differences(model, arrays, f"step{event.step - 1}/after/")
    predictions = [relative(p.detach(), arrays[f"step{i}/pred"]) for i, p in enumerate(watched.predictions)]
    adam = [
        relative(optimizer.state[p][part], arrays[f"adam/{k}/{part}"])
        for k, p in compared(model)
        for part in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        if f"adam/{k}/{part}" in arrays
    ]
    return [max(losses), max(predictions), max(gradients, default="-"), max(after), max(adam, default="-"), error]


def compared(model):
    return [(k, p) for k, p in model.named_parameters() if not published_training.without_gradient(k)]


def state_differences(model, arrays, prefix: str) -> list[float]:
    return [
        float(np.abs(np.asarray(v) - arrays[prefix + k]).max() / max(1.0, np.abs(arrays[prefix + k]).max()))
        for k, v in model.state_dict().items()
        if prefix + k in arrays and published_training.tolerance(k, model.config.recombine) == 1e-4
    ]


def whole_runs(runs: PublishedRuns, folder: Path) -> str:
    rows = []
    for name in sorted(published_training.STABLE):
        facts, run = runs.facts[name], published_training.training_run(runs, name, folder / name, train_eval_every=1)
        curve = published_training.running_means_mm(run)
        records = [json.loads(line) for line in run.files.metrics.read_text().splitlines()]
        pairs = {
            "train_mpjpe_mm": "losses_3d_train",
            "train_eval_mpjpe_mm": "losses_3d_train_eval",
            "test_mpjpe_mm": "losses_3d_valid",
        }
        found = [relative_each([r[ours] for r in records], facts[theirs]) for ours, theirs in pairs.items()]
        rows.append([f"{name} ({facts['argv']})", relative_each(curve, facts["train_curve"]), *found])
    return table(["run", "loss after every step", "training error", "training error, evaluated", "test error"], rows)


def relative_each(actual, expected) -> float:
    return float(np.abs(np.divide(actual, expected) - 1).max())


# ---------------------------------------------------------------- evaluation


def evaluations(runs: PublishedRuns) -> str:
    rows = []
    for name, printed in {**CHECKPOINTS, **FINAL_WEIGHTS}.items():
        config, prepared = runs.run_config(name)
        if name in CHECKPOINTS:
            path = runs.golden / f"H_e2e/H_{name}_latest_epoch_sr_h36m_gt2d.bin"
            model = load_checkpoint(path, compat="original", normalization=prepared.config.normalization).model
        else:
            model = build_model(config.model)
            model.load_state_dict(runs.final_weights(name))
        mean = finish(evaluate_steps(model, prepared.stage)).mean
        rows.append([name, *(f"{value:.2f} / {mean[metric]:.2f}" for metric, value in runs.printed(printed).items())])
    return table(["run: printed / here", "MPJPE mm", "P-MPJPE mm", "N-MPJPE mm", "MPJVE mm", "angle deg"], rows)


PAGE = """# The numbers of the published code

Made by `python -m benchmarks.published.parity ../shared/golden`. The reference is the output of the published SRNet and
VideoPose3D code, run unmodified on CPU; `tests/test_reference_*.py` hold every comparison to its tolerance, and
`tests/test_reference_subset.py` a part of it wherever the tests run. Differences are the largest of all numbers
compared, relative to the largest of them where no unit is given.

What is different on purpose, and why: [differences.md](differences.md).

## Networks

Outputs for single windows (strided and dilated form) and for whole clips, `compat="original"`. Asked for: 1e-5 in
float32, 1e-12 in float64. Left out of the 339 configurations that ran there: four of `concat` with the mean as
context, whose groups read each other's channels.

{networks}

VideoPose3D's own networks (ReLU, dense, causal, trajectory):

{videopose3d}

## Normalizations

{normalizations}

## Batches

Flips, shuffling, padding, causal shift, strides, partial batches. A last batch of a single window is left out here.

{batches}

## Metrics

{metrics}

Angles, bone symmetry, PCK, AUC, velocity and whole evaluations: `tests/test_reference_metrics.py`.

## Training steps

Three steps from the same weights and batches through our loop: Adam with amsgrad at 1e-3. Perturbing the weights by
1e-7 in the published code moves losses by 5e-6, predictions by 1e-4, gradients by 1e-3. Biases in front of a BatchNorm
have no true gradient; they, and the running means behind them, are left out here.

{steps}

## Whole runs

The command line of the published `run.py` on its reference data set, against `srnet` from the raw files: prepare,
initial weights, order of the windows, training, evaluation after each epoch. At a learning rate of 1e-5 runs can be
compared to the end; at 1e-3 a perturbation of 1e-6 moves a loss by 4 %, so of the other runs only the first three steps
are (within 1e-4).

{runs}

## Evaluation

Action-wise means that the published code printed for its checkpoints, to two digits, against ours with
`compat="original"`.

{evaluations}

The same on the command line, for a checkpoint `m.bin` of the published code and the data set in FOLDER:

```sh
srnet eval m.bin --data-dir FOLDER --compat original
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/parity.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    golden = options.golden.resolve()
    source = published_networks.Golden(golden)
    with tempfile.TemporaryDirectory() as folder:
        runs = PublishedRuns(golden, Path(folder) / "stages")
        page = PAGE.format(
            networks=networks(source),
            videopose3d=videopose3d(source),
            normalizations=normalizations(golden),
            batches=batches(golden),
            metrics=metric_numbers(golden),
            steps=steps(source),
            runs=whole_runs(runs, Path(folder)),
            evaluations=evaluations(runs),
        )
    options.output.write_text(page, encoding="utf-8")
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
