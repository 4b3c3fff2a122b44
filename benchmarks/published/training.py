"""Training of the published code: single steps on its batches, and whole runs of its command lines."""

import itertools

import numpy as np
import torch

from benchmarks.published.networks import used
from benchmarks.published.normalizations import our_parameters
from benchmarks.published.runs import model_config, parse
from srnet_core.batch import Batch
from srnet_core.models import build_model
from srnet_core.training.loop import Step
from srnet_core.training.run import RunFiles, TrainingRun

STEPS = (
    "fc_a111_lcn",
    "fc_a111_proj",
    "fc_a333_base",
    "srnet1024_g5_multiply_others_a111_base",
    "srnet_g2_concat_all_a333_base",
    "srnet_g3_multiply_all_a333_base",
    "srnet_g5_add_others_a333_base",
    "srnet_g5_concat_others_a333_base",
    "srnet_g5_concat_others_meanups_a333_base",
    "srnet_g5_multiply_all_channelwise_a333_base",
    "srnet_g5_multiply_all_groupmod_a333_base",
    "srnet_g5_multiply_others_a111_base",
    "srnet_g5_multiply_others_a111_lcn",
    "srnet_g5_multiply_others_a111_proj",
    "srnet_g5_multiply_others_a111_weak_proj",
    "srnet_g5_multiply_others_a333_base",
    "srnet_g5_multiply_others_a333_causal_base",
    "srnet_g5_multiply_others_meanfunc_a333_base",
)


STABLE = {  # runs at learning rate 1e-5 -> cameras patched in
    "h17_lowlr_a111_base_ch42",
    "h19_lowlr_a333_add_ch42",
    "h21_lowlr_a111_proj_ch42",
    "h22_lowlr_a111_lcn_ch42",
    "h23_lowlr_a111_crosscam_ch42",
    "h24_lowlr_fc_a333_ch64",
}


class GivenBatches:
    """Stands in for a `WindowSampler`: the published batches, in their order."""

    stride = 1

    def __init__(self, arrays, norm: str):
        self.random = np.random.RandomState(0)
        steps = sorted({key.split("/")[0] for key in arrays.files if key.startswith("step")})
        self.batches = [self._batch(arrays, norm, step) for step in steps]

    def __len__(self):
        return len(self.batches)

    def epoch(self, *, skip=0):
        return iter(self.batches[skip:])

    @staticmethod
    def _batch(arrays, norm, step):
        pose_2d, pose_3d = (torch.from_numpy(arrays[f"{step}/in_{n}"]).clone() for n in ("2d", "3d"))
        if norm == "base":
            pose_3d[:, :, 0] = 0  # the published code stores the root's place there, and zeroes it in the loop
            return Batch(pose_2d, pose_3d)
        columns = our_parameters(norm, arrays[f"{step}/intrinsic"], arrays[f"{step}/normalization_params"])
        return Batch(pose_2d, pose_3d, torch.from_numpy(columns.astype(np.float32)))


class Watched:
    """A model that remembers the predictions of its training steps."""

    def __init__(self, model):
        self.predictions: list[torch.Tensor] = []
        model.register_forward_hook(lambda module, inputs, output: self.predictions.append(output))


def start(golden, facts, arrays):
    """The model before the first step."""
    model = build_model(model_config(parse(facts["argv"])))
    weights = {key[2:]: torch.from_numpy(arrays[key]) for key in arrays.files if key.startswith("w/")}
    if not weights:  # the large network's come from the recipe
        shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
        state = golden.recipe.make_state(shapes, facts["seed"])
        assert golden.recipe.digest(state) == facts["digest"]
        weights = {key: torch.from_numpy(value) for key, value in state.items()}
    model.load_state_dict(used(weights))
    return model


def without_gradient(key: str) -> bool:
    """A BatchNorm follows or the mean does not care: the true gradient is zero, and Adam makes steps of rounding."""
    return ".m_conv." in key and key.endswith(".bias")


def tolerance(key: str, recombine: str) -> float:
    """Of a tensor after some steps. Biases without a gradient show in the running mean behind them."""
    if without_gradient(key):
        return 1e-2
    if key.endswith("running_mean") and ("get_part_info.layers_bn" in key or recombine != "multiply"):
        return 1e-2 if recombine == "multiply" else 1e-3
    return 1e-4


def training_run(runs, name, folder, *, steps=None, **train) -> TrainingRun:
    """The run of a published command line; with `steps`, one that stops itself after as many."""
    config, prepared = runs.run_config(name, **train)
    asked = itertools.count(1)  # the run asks once per step whether to stop
    return TrainingRun(config, prepared, RunFiles("run", folder, folder), should_stop=lambda: next(asked) == steps)


def running_means_mm(events):
    """The published `train_curve`: mean loss of an epoch's windows so far, after every step, times 1000."""
    curve, total, windows = [], 0.0, 0
    for event in events:
        if isinstance(event, Step):
            total, windows = (0.0, 0) if event.step == 1 else (total, windows)
            total, windows = total + float(event.loss) * event.windows, windows + event.windows
            curve.append(1000 * total / windows)
    return curve
