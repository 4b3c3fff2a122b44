"""The published training runs and evaluations on the reference data set, as configurations of ours.

`run_config` turns a published command line into a `RunConfig`, flag by flag as docs/migrating.md says.
"""

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from srnet_core.stages.prepare import Prepared, prepare

# checkpoint that the published code wrote -> the run whose final numbers it belongs to
CHECKPOINTS = {
    "h1_srnet_a111_base_ch42": "h1b_evaluate_h1_ckpt",
    "h2_srnet_a111_base_ch1024": "h2_srnet_a111_base_ch1024",
    "h3_srnet_a333_base_ch42": "h3_srnet_a333_base_ch42",
    "h4_srnet_a333_concat_base_ch42": "h4_srnet_a333_concat_base_ch42",
    "h5_srnet_a111_proj_ch42": "h1d_norm_proj_evaluate_h5_ckpt",
    "h8_fc_a111_base_ch64": "h8_fc_a111_base_ch64",
}

FINAL_WEIGHTS = {
    "h6_srnet_a111_weak_proj_ch42": "h6_srnet_a111_weak_proj_ch42",
    "h7_srnet_a111_lcn_ch42": "h7_srnet_a111_lcn_ch42",
    "h9_srnet_a333_causal_base_ch42": "h9_srnet_a333_causal_base_ch42",
    "h10_crosscam_train0_test123_ch42": "h10_crosscam_train0_test123_ch42",
    "h11_crossaction_noeval_ch42": "h11b_crossaction_evaluate_ch42",
}
# evaluations by the published code, stored sequence by sequence
EVALUATIONS = (
    "ev_base_a111_tta",
    "ev_base_a111_notta",
    "ev_base_a333_tta",
    "ev_base_a333_causal_tta",
    "ev_lcn_a111_tta",
    "ev_lcn_a111_notta",
    "ev_proj_a111_tta",
    "ev_proj_a111_notta",
    "ev_proj_a333_tta",
    "ev_weak_proj_a111_tta",
    "ev_weak_proj_a111_notta",
)


def _numbers(text):
    return tuple(int(item) for item in text.split(","))


def _names(text):
    return tuple(text.split(","))


def parse(argv: str | list[str]) -> argparse.Namespace:
    """The flags that the published runs use."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-arc", type=_numbers, default=(1, 1, 1))
    parser.add_argument("-ch", type=int, default=1024)
    parser.add_argument("--model", default="srnet")
    parser.add_argument("--norm", default="base")
    parser.add_argument("--recombine", default="multiply")
    parser.add_argument("--split", default="others")
    parser.add_argument("--group", type=int, default=5)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("-drop", type=float, default=0.0)
    parser.add_argument("-e", type=int, default=60)
    parser.add_argument("-b", type=int, default=1024)
    parser.add_argument("-lr", type=float, default=1e-3)
    parser.add_argument("-s", type=int, default=1)
    parser.add_argument("-str", type=_names, default=("S1", "S5", "S6", "S7", "S8"))
    parser.add_argument("-no-tta", action="store_true")
    parser.add_argument("-no-da", action="store_true")
    parser.add_argument("--use-action-split", default="")
    parser.add_argument("--train-action", default="Discussion")
    parser.add_argument("--no-eval", action="store_true")
    parser.add_argument("--evaluate", default="")
    for switch in ("--channelwise", "--group-modulation", "--mean-func", "--ups-mean"):
        parser.add_argument(switch, default="")
    parser.add_argument("--split-modulation", default="True")
    return parser.parse_args(argv.split() if isinstance(argv, str) else argv)


def model_config(args: argparse.Namespace, **more) -> ModelConfig:
    form = "learned"
    if args.mean_func:
        form = "upsampled_mean" if args.ups_mean else "mean"
    elif args.split == "all" and args.channelwise:
        form = "channel_wise"
    elif args.split == "all" and not args.split_modulation and args.group_modulation:
        form = "group_wise"
    return ModelConfig(
        name=args.model,
        filter_widths=args.arc,
        channels=args.ch,
        groups=args.group,
        recombine=args.recombine,
        context=args.split,
        context_form=form,
        dropout=args.drop,
        causal=args.causal,
        residual_2d=args.norm == "lcn",
        compat="original",
        **more,
    )


def data_config(args: argparse.Namespace, folder: Path, cache_dir: Path, cameras=None) -> DataConfig:
    places = {"dataset": "h36m", "data_dir": str(folder), "cache_dir": str(cache_dir), "normalization": args.norm}
    if args.use_action_split:
        return DataConfig(protocol="cross_action", train_actions=(args.train_action,), **places)
    subjects = {"subjects_train": args.str, "subjects_test": ("S9", "S11")}
    if cameras:
        train, test = map(tuple, cameras)
        return DataConfig(protocol="cross_camera", train_cameras=train, test_cameras=test, **subjects, **places)
    return DataConfig(**subjects, **places)


def train_config(args: argparse.Namespace, **more) -> TrainConfig:
    return TrainConfig(
        epochs=args.e,
        batch_size=args.b,
        lr=args.lr,
        stride=args.s,
        flip=not args.no_da,
        test_flip=not args.no_tta,
        device="cpu",
        **more,
    )


class PublishedRuns:
    """What the published `run.py` did on the reference data set; stages are made once."""

    def __init__(self, golden: Path, cache_dir: Path):
        self.golden, self.cache_dir = golden, cache_dir
        self.facts = json.loads((golden / "H_e2e/H_e2e.json").read_text())

    @cache  # noqa: B019 - lives as long as the module's fixture
    def prepared(self, data: DataConfig) -> Prepared:
        return prepare(data)

    def run_config(self, name: str, **train) -> tuple[RunConfig, Prepared]:
        facts = self.facts[name]
        args = parse(facts["argv"])
        prepared = self.prepared(self.data(args, facts["shim"]["cams_patched"]))
        return RunConfig(prepared.config, model_config(args), train_config(args, **train)), prepared

    def data(self, args: argparse.Namespace, cameras=None) -> DataConfig:
        return data_config(args, self.golden / "E_dataset", self.cache_dir, cameras)

    def printed(self, name: str) -> dict[str, float]:
        """The final numbers on the screen, rounded to two digits there."""
        keys = {"MPJPE": "mpjpe_mm", "P-MPJPE": "p_mpjpe_mm", "N-MPJPE": "n_mpjpe_mm", "MPJVE": "mpjve_mm"}
        found = {}
        for line in self.facts[name]["log_tail"]:
            if "action-wise average:" in line:
                value = float(line.split("average:")[1].split()[0])
                metric = line.partition("(")[2].partition(")")[0]
                found[keys[metric] if metric else "angle_deg"] = value
        return found

    def final_weights(self, name: str, which: str = "final") -> dict[str, torch.Tensor]:
        with np.load(self.golden / f"H_e2e/H_{name}_{which}.npz", allow_pickle=False) as file:
            return {key.removeprefix("w/"): torch.from_numpy(file[key]) for key in file.files}
