"""Train and measure the networks that come with the package: docs/srnet-open.md.

    python -m benchmarks.open_weights --mocap FOLDER --output output/open

FOLDER holds `uiprmd_mini`, `cmu` and `hdm05`, each with its data_3d_NAME.npz and data_2d_NAME_gt.npz. The first two are
brought together, in the last runs with the synthetic people, and trained on; two of their people and all of the third
are only measured. The command can be stopped
and given again: finished runs are kept, the one that was stopped goes on.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.detector_noise import MEDIAPIPE, demo_cameras, triangulated_m
from benchmarks.expected_errors import HELD_OUT, TRAINED_ON, calibrated
from srnet_core import datasets
from srnet_core.checkpoint import load_checkpoint
from srnet_core.checkpoint.safetensors_file import write_safetensors
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.evaluation.metrics import mpjpe, p_mpjpe
from srnet_core.geometry.camera import Camera
from srnet_core.inference.calibration import calibration_file, write_calibration
from srnet_core.inference.lifter import Lifter
from srnet_core.keypoints import read_keypoints
from srnet_core.lifting.lift import lift
from srnet_core.markdown import markdown_table
from srnet_core.readers.npz import read_npz
from srnet_core.weights import MEAN, MEAN_OF, NAMES

_COMMON = "--model srnet --channels 512 --test-every 0 --norm ray"
_SHORT = " --epochs 1 --subset 0.02"
_RECORDED, _ALL = "open", "open_all"  # data sets: the recorded people, and those with the synthetic ones
_CHANGED, _JOINTS = "view,place,angles,parts,bones,noise", "view,place,angles,parts,bones,joints,noise"
_ELEVATED = "--set augment.view.pitch_deg=30"
_WIDE = (
    "--set augment.view.tilt_share=0.25 --set augment.view.nearest_scale=0.5 --set augment.view.farthest_scale=1.6 "
    "--downsample 2"
)
_STEEP = f"{_WIDE} --set augment.view.pitch_deg=50"
_HALF_NOISE = (  # the noise of detectors at half its size: at its full size exact keypoints are lifted 10 mm worse
    "--set augment.layout.share=0.2 --set augment.noise.sigma=0.01 --set augment.noise.offset_sigma=0.01 "
    "--set augment.noise.jitter_sigma=0.005 --set augment.noise.outlier_share=0.01 "
    "--set augment.noise.outlier_sigma=0.15"
)
_WILD = f"--config augment-wild --batch-size 512 --arch 3,3,3 --downsample 2 {_HALF_NOISE}"
_WILD_JOINTS = f"{_WILD} --augment {_JOINTS},layout"
_SINGLE = "--arch 1,1,1 --batch-size 1024"


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        settings: options of `srnet train`.
        start: name of the run whose weights it starts from; empty for random weights.
        people: the data set.
    """

    name: str
    settings: str
    start: str = ""
    people: str = _RECORDED


# each network: a run with a learning rate that falls slowly, then runs from its weights with one that falls fast
NETWORKS = {
    "srnet-open-1": (
        Run("srnet-open-1-first", f"--augment {_CHANGED} {_ELEVATED} {_SINGLE} --epochs 25 --lr-decay 0.95"),
        Run(
            "srnet-open-1-upright",
            f"--augment {_CHANGED} {_ELEVATED} {_SINGLE} --epochs 14 --lr 0.00028 --lr-decay 0.75",
            "srnet-open-1-first",
        ),
        Run(
            "srnet-open-1-wide",
            f"--augment {_CHANGED} {_ELEVATED} {_WIDE} {_SINGLE} --epochs 20 --lr 0.0007 --lr-decay 0.82",
            "srnet-open-1-upright",
        ),
        Run(
            "srnet-open-1-joints",
            f"--augment {_JOINTS} {_ELEVATED} {_WIDE} {_SINGLE} --epochs 20 --lr 0.0007 --lr-decay 0.82",
            "srnet-open-1-wide",
        ),
        Run(
            "srnet-open-1-long",
            f"--augment {_JOINTS} {_ELEVATED} {_WIDE} {_SINGLE} --epochs 40 --lr 0.001 --lr-decay 0.91",
            "srnet-open-1-joints",
        ),
        Run(
            "srnet-open-1-steep",
            f"--augment {_JOINTS} {_STEEP} {_SINGLE} --epochs 16 --lr 0.0007 --lr-decay 0.8",
            "srnet-open-1-long",
            _ALL,
        ),
        Run(
            "srnet-open-1",
            f"--augment {_JOINTS} {_STEEP} {_SINGLE} --epochs 30 --lr 0.001 --lr-decay 0.88",
            "srnet-open-1-steep",
            _ALL,
        ),
    ),
    "srnet-open-27": (
        Run(
            "srnet-open-27-first",
            f"--augment {_CHANGED} {_ELEVATED} {_WIDE} --arch 3,3,3 --batch-size 512 --epochs 13 --lr-decay 0.95",
        ),
        Run(
            "srnet-open-27-second",
            f"{_WILD} {_ELEVATED} --epochs 4 --lr 0.0005 --lr-decay 0.45",
            "srnet-open-27-first",
        ),
        Run(
            "srnet-open-27-third",
            f"{_WILD} {_ELEVATED} --epochs 12 --lr 0.001 --lr-decay 0.74",
            "srnet-open-27-second",
        ),
        Run(
            "srnet-open-27-joints",
            f"{_WILD_JOINTS} {_ELEVATED} --epochs 8 --lr 0.0007 --lr-decay 0.65",
            "srnet-open-27-third",
        ),
        Run(
            "srnet-open-27",
            f"{_WILD_JOINTS} {_STEEP} --epochs 9 --lr 0.0007 --lr-decay 0.68",
            "srnet-open-27-joints",
            _ALL,
        ),
    ),
    "srnet-open-27-causal": (
        Run(
            "srnet-open-27-causal-first",
            f"{_WILD} {_ELEVATED} --causal --epochs 6 --lr 0.0008 --lr-decay 0.5",
            "srnet-open-27-third",
        ),
        Run(
            "srnet-open-27-causal-joints",
            f"{_WILD_JOINTS} {_ELEVATED} --causal --epochs 5 --lr 0.0007 --lr-decay 0.5",
            "srnet-open-27-causal-first",
        ),
        Run(
            "srnet-open-27-causal",
            f"{_WILD_JOINTS} {_STEEP} --causal --epochs 6 --lr 0.0007 --lr-decay 0.6",
            "srnet-open-27-causal-joints",
            _ALL,
        ),
    ),
}
_SYNTHETIC = SyntheticConfig(seconds_per_take=3.3)  # about as many frames as are recorded
_EVERY = 5  # frames of a measured clip
_LIMBS = tuple(
    (side + part, side + ("Foot" if part == "Ankle" else part))
    for side in "LR"
    for part in ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
)  # names in the triangulation and in Human3.6M


def bring_together(mocap: Path, folder: Path) -> None:
    """Write the recorded people of all data sets as one, `data_3d_open.npz` and `data_2d_open_gt.npz`, and beside them
    the same with the synthetic people, `data_3d_open_all.npz` and `data_2d_open_all_gt.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    people = _People()
    for name in TRAINED_ON:
        people.add(*_files(mocap, name))
    people.write(folder, _RECORDED)
    people.add(*(read_npz(path) for path in make_files(_SYNTHETIC, folder / "synthetic")))
    people.write(folder, _ALL)


class _People:
    """People of several data sets. What holds for all of them is that of the first."""

    def __init__(self) -> None:
        self._file_3d: dict[str, Any] = {"positions_3d": {}, "cameras": {}}
        self._file_2d: dict[str, Any] = {"positions_2d": {}}

    def add(self, file_3d: dict[str, Any], file_2d: dict[str, Any]) -> None:
        for own, other in ((self._file_3d, file_3d), (self._file_2d, file_2d)):
            for name in own.keys() & other.keys() - {"metadata"}:
                assert not own[name].keys() & other[name].keys(), "two data sets have people of the same name"
                own[name] |= other[name]
            own.setdefault("metadata", other["metadata"])

    def write(self, folder: Path, name: str) -> None:
        _write(folder / f"data_3d_{name}.npz", self._file_3d)
        _write(folder / f"data_2d_{name}_gt.npz", self._file_2d)


def _write(path: Path, members: dict[str, Any]) -> None:
    """Each member as a pickled dict, as the published files hold them."""
    arrays: dict[str, Any] = {name: np.array(value, dtype=object) for name, value in members.items()}
    np.savez_compressed(path, **arrays)


def _files(mocap: Path, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = mocap / name
    return read_npz(folder / f"data_3d_{name}.npz"), read_npz(folder / f"data_2d_{name}_gt.npz")


def train(folder: Path, network: str, short: bool = False) -> Path:
    """Train in a folder; a run that was stopped is resumed, a finished one kept. Returns the checkpoint.

    Args:
        short: one epoch on a fiftieth of the data, to see that everything runs.
    """
    checkpoint = folder
    for run in runs_of(network):
        checkpoint = _train(folder, run, short)
    return checkpoint


def runs_of(network: str) -> list[Run]:
    """The runs that make a network, in order: first those that made the weights from which it starts."""
    runs = list(NETWORKS[network])
    for other, earlier in NETWORKS.items():
        names = [run.name for run in earlier]
        if other != network and runs[0].start in names:
            left_out = len(names) - names.index(runs[0].start) - 1
            before = runs_of(other)
            return [*before[: len(before) - left_out], *runs]
    return runs


def _train(folder: Path, run: Run, short: bool) -> Path:
    checkpoint = _checkpoint(folder, run.name)
    arguments = ["--dataset", run.people, "--subjects-test", ",".join(HELD_OUT)]
    arguments += [*shlex.split(f"{run.settings} {_COMMON}{_SHORT if short else ''}"), "--name", run.name]
    if run.start:
        arguments += ["--finetune", str(_checkpoint(folder, run.start).relative_to(folder))]
    if checkpoint.exists():
        config = load_checkpoint(checkpoint).record.config
        if config is not None and load_checkpoint(checkpoint).epoch >= config.train.epochs:
            return checkpoint
        arguments = ["--resume", str(checkpoint.relative_to(folder))]
    print("$ srnet train " + shlex.join(arguments), flush=True)
    program = "from srnet_cli.app import main; main()"
    if code := subprocess.call([sys.executable, "-c", program, "train", *arguments], cwd=folder):
        raise SystemExit(code)
    return checkpoint


def _checkpoint(folder: Path, name: str) -> Path:
    return folder / "checkpoint" / f"latest_epoch_{name}.bin"


def lifted_m(lifter: Lifter, points_px: np.ndarray, fps: float, **given: Any) -> np.ndarray:
    """(T, J, 3) poses of a clip at the frame rate that the network was trained on, or the next multiple.

    A clip of twice the rate is lifted as two clips, of its even and of its odd frames.
    """
    step = 1 if lifter.model.receptive_field == 1 or not lifter.fps else max(1, round(fps / lifter.fps))
    poses = np.empty((*points_px.shape[:2], 3), np.float32)
    for first in range(min(step, len(points_px))):
        poses[first::step] = lifter(points_px[first::step], check="off", **given)  # the keypoints are known to be right
    return poses


def measure(
    lifter: Lifter, mocap: Path, name: str, subjects: Sequence[str] = (), sigma_m: float = 0.0
) -> list[tuple[str, float]]:
    """Errors on a data set by name, in mm, camera known and only the size of the image known; and how many people.

    Args:
        subjects: only these.
        sigma_m: standard deviation of Gaussian noise of each keypoint, independent in every frame, in metres at the
            person's distance.
    """
    errors: dict[str, list[np.ndarray]] = {"known": [], "known aligned": [], "size": [], "size aligned": []}
    random = np.random.default_rng(0)
    people = set()
    for subject, camera, fps, points_px, pose_m in _clips(mocap, name):
        if subjects and subject not in subjects:
            continue
        people.add(subject)
        size = (camera.width_px, camera.height_px)
        if sigma_m:
            metre_px = camera.focal_length_px[0] / pose_m[:, :1, 2:]
            points_px = points_px + random.normal(0, sigma_m, points_px.shape) * metre_px
        truth = torch.from_numpy((pose_m - pose_m[:, :1])[::_EVERY].astype(np.float32))
        for what, given in (("known", {"camera": camera}), ("size", {"image_size": size})):
            predicted = torch.from_numpy(lifted_m(lifter, points_px, fps, **given)[::_EVERY])
            errors[what].append(mpjpe(predicted - predicted[:, :1], truth).numpy() * 1000)
            errors[f"{what} aligned"].append(p_mpjpe(predicted, truth).numpy() * 1000)
    means = [(key, float(np.concatenate(values).mean())) for key, values in errors.items()]
    return [("people", float(len(people))), *means]


def _clips(mocap: Path, name: str) -> Iterator[tuple[str, Camera, float, np.ndarray, np.ndarray]]:
    """Subject, camera, frame rate, (T, J, 2) keypoints and (T, J, 3) camera metres of every clip."""
    paths = datasets.locate(name, mocap / name, "gt", mocap)
    dataset = datasets.load(name, paths, "gt")
    for clip in dataset.clips(dataset.clip_names):
        if clip.pose_3d_cam_m is not None:
            points_px, pose_m = np.asarray(clip.pose_2d_px), np.asarray(clip.pose_3d_cam_m)
            yield clip.name.subject, clip.camera, dataset.fps, points_px, pose_m


def measure_detections(lifter: Lifter, folder: Path) -> list[list[str]]:
    """Rows of MPJPE and P-MPJPE in mm over arms and legs, against a triangulation, from real detections of one camera.

    The MPJPE is in the axes of the camera, relative to the middle of the hips, without any alignment. Then come the
    mean of the expected errors and the share of the joints below the bound of 90 %.

    Args:
        lifter: with `uncertainty`.
        folder: Pose2Sim's demo, see `benchmarks/detector_noise.py`.
    """
    world_m, fps = triangulated_m(folder)
    joints = [lifter.skeleton.joint_names.index(name) for _, name in _LIMBS]
    rows = []
    for number, camera in demo_cameras(folder).items():
        own_file = folder / f"pose2sim_{number}.npz"
        if not own_file.exists():
            continue
        true = camera.world_to_camera(np.stack([world_m[name] for name, _ in _LIMBS], axis=1))
        with np.load(own_file) as own:
            width, height = (int(n) for n in own["size"])
            world = own["world"][:, [MEDIAPIPE[name] for name, _ in _LIMBS]]
        path = folder / "pose-associated" / f"{number}_json"
        sources = {
            "OpenPose": read_keypoints(path, layout="body25b", fps=fps, image_size=(width, height)),
            "MediaPipe": read_keypoints(own_file, layout="blazepose33", fps=fps, image_size=(width, height)),
        }
        for tool, keypoints in sources.items():
            people = lift(keypoints.mend_swaps(), lifter)  # as `srnet lift` does
            person = people.people[0]
            errors_mm = _limb_errors_mm(person.joints_m[:, joints], true)
            assert person.expected_error_mm is not None
            factors = np.array(people.error_bound_factors)[joints]
            expected_mm, below = _held(person.joints_m[:, joints], true, person.expected_error_mm[:, joints], factors)
            numbers = [*(f"{error:.1f}" for error in errors_mm), f"{expected_mm:.0f}", f"{100 * below:.0f} %"]
            rows.append([f"{number}, {tool}", *numbers])
        own_errors = (f"{error:.1f}" for error in _limb_errors_mm(world, true))
        rows.append([f"{number}, MediaPipe's own 3D", *own_errors, "", ""])
    return rows


_LIVE = (("srnet-open-1", 5), *(("srnet-open-27-causal", step) for step in (1, 2, 3, 4)))
"""Networks for live use, and of how many frames of a recording of 50 per second they see one."""
_LIVE_SETS: tuple[tuple[str, Sequence[str], int], ...] = (("hdm05", (), 9), ("cmu", ("C49",), 3))
"""Data set, people, and of how many clips one is measured."""
_LIVE_NOISE_M = 0.02


def measure_live(mocap: Path) -> list[list[str]]:
    """Rows of errors in live use, where frames cannot be brought to another rate: exact keypoints, then noisy ones.

    MPJPE and P-MPJPE in mm, and the mean error of the speed of joints between neighbouring frames in m/s; the size of
    the image is known.
    """
    rows = []
    for network, step in _LIVE:
        lifter, cells = Lifter.open(network), []
        for name, subjects, every in _LIVE_SETS:
            clips = [clip for clip in _clips(mocap, name) if not subjects or clip[0] in subjects][::every]
            cells += [_live_errors(lifter, clips, step, sigma_m) for sigma_m in (0.0, _LIVE_NOISE_M)]
        rows.append([f"{network}, {50 / step:.3g}", *cells])
    return rows


def _live_errors(lifter: Lifter, clips: Sequence[tuple], step: int, sigma_m: float) -> str:
    random, errors = np.random.default_rng(0), []
    for _, camera, fps, points_px, pose_m in clips:
        if sigma_m:
            metre_px = camera.focal_length_px[0] / pose_m[:, :1, 2:]
            points_px = points_px + random.normal(0, sigma_m, points_px.shape) * metre_px
        true = torch.from_numpy((pose_m - pose_m[:, :1])[::step].astype(np.float32))
        size = (camera.width_px, camera.height_px)
        poses = torch.from_numpy(lifter(points_px[::step].astype(np.float32), image_size=size, check="off"))
        poses = poses - poses[:, :1]
        speed = (poses.diff(dim=0) - true.diff(dim=0)).norm(dim=-1).mean(-1) * fps / step  # (T - 1,)
        errors.append((1000 * mpjpe(poses, true), 1000 * p_mpjpe(poses, true), speed))
    position, aligned, speed_m_s = (float(torch.cat(column).mean()) for column in zip(*errors))
    return f"{position:.1f} / {aligned:.1f}, {speed_m_s:.2f}"


def _held(poses: np.ndarray, true: np.ndarray, expected_mm: np.ndarray, factors: np.ndarray) -> tuple[float, float]:
    """The mean expected error, and the share of the joints whose error is below the bound."""
    frames = min(len(poses), len(true))
    poses, true, expected_mm = poses[:frames], true[:frames], expected_mm[:frames]
    hips = [index for index, (name, _) in enumerate(_LIMBS) if name.endswith("Hip")]
    centred = [p - p[:, hips].mean(1, keepdims=True) for p in (poses, true)]
    error_mm = 1000 * np.linalg.norm(centred[0] - centred[1], axis=-1)
    known = np.isfinite(error_mm) & np.isfinite(expected_mm)
    return float(expected_mm[known].mean()), float((error_mm <= expected_mm * factors)[known].mean())


def _limb_errors_mm(poses: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """MPJPE relative to the middle of the hips, and P-MPJPE, over the frames in which all joints are known."""
    frames = min(len(poses), len(true))
    poses, true = poses[:frames], true[:frames]
    known = np.isfinite(poses).all(axis=(1, 2)) & np.isfinite(true).all(axis=(1, 2))
    hips = [index for index, (name, _) in enumerate(_LIMBS) if name.endswith("Hip")]
    centred = [torch.tensor(p[known] - p[known][:, hips].mean(1, keepdims=True)).double() for p in (poses, true)]
    return float(mpjpe(*centred).mean()) * 1000, float(p_mpjpe(*centred).mean()) * 1000


def _table(lifter: Lifter, mocap: Path, noise: bool) -> str:
    rows = []
    asked: list[tuple[str, Sequence[str], float]] = [("uiprmd_mini", HELD_OUT, 0.0), ("cmu", HELD_OUT, 0.0)]
    asked += [("hdm05", (), 0.0), *([("hdm05", (), sigma) for sigma in (0.01, 0.02, 0.04)] if noise else [])]
    for name, subjects, sigma_m in asked:
        (_, people), *errors = measure(lifter, mocap, name, subjects, sigma_m)
        title = f"{name}, noise of {1000 * sigma_m:.0f} mm" if sigma_m else name
        rows.append([title, f"{people:.0f}", *(f"{error:.1f}" for _, error in errors)])
    heads = ["measured on", "people", "MPJPE, camera known", "P-MPJPE", "MPJPE, image size known", "P-MPJPE"]
    return markdown_table(heads, rows, right=range(1, 6))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, default=Path("output/open"))
    parser.add_argument(
        "--networks",
        default=",".join(NETWORKS),
        help=f"which networks, e.g. srnet-open-27; {MEAN}, their mean, is only measured",
    )
    parser.add_argument("--measure-only", action="store_true", help="measure the networks that are in the package")
    parser.add_argument("--pose2sim", type=Path, help="folder of Pose2Sim's demo with a triangulation")
    parser.add_argument("--short", action="store_true", help="train for a moment, to see that everything runs")
    parser.add_argument("--noise", action="store_true", help="also measure hdm05 with noisy keypoints")
    parser.add_argument("--live", action="store_true", help="only measure live use, at several frame rates")
    asked = parser.parse_args()
    mocap = asked.mocap.resolve()
    if asked.live:
        sets = [f"{name} {','.join(subjects)}".strip() for name, subjects, _ in _LIVE_SETS]
        heads = [f"{name}{noise}" for name in sets for noise in ("", f", noise of {1000 * _LIVE_NOISE_M:.0f} mm")]
        print(markdown_table(["network, frames per second", *heads], measure_live(mocap), right=range(1, 5)))
        return 0
    names = asked.networks.split(",")
    if unknown := set(names) - {*NETWORKS, *([MEAN] if asked.measure_only else [])}:
        parser.error(f"there is no network {', '.join(sorted(unknown))}; there are: {', '.join(NETWORKS)}")
    if not asked.measure_only:
        bring_together(mocap, asked.output / "data")
    for name in names:
        if asked.measure_only and name not in (*NAMES, MEAN):
            continue
        packaged = asked.measure_only
        lifter = Lifter.open(name, uncertainty=True) if packaged else _made(asked.output, mocap, name, asked.short)
        _print_errors(name, lifter, mocap, asked)
    if not asked.measure_only and set(MEAN_OF) <= set(names):
        _print_errors(MEAN, _made_mean(asked.output, mocap), mocap, asked)
    return 0


def _print_errors(name: str, lifter: Lifter, mocap: Path, asked: argparse.Namespace) -> None:
    print(f"\n{name}\n\n{_table(lifter, mocap, asked.noise)}", flush=True)
    if asked.pose2sim:
        heads = ["camera, keypoints", "MPJPE", "P-MPJPE", "expected", "below the bound of 90 %"]
        print(markdown_table(heads, measure_detections(lifter, asked.pose2sim), right=range(1, 5)), flush=True)


def _made(folder: Path, mocap: Path, name: str, short: bool) -> Lifter:
    """Train a network and write it as the package holds it, with the file that tells its errors."""
    checkpoint = load_checkpoint(train(folder, name, short))
    path = folder / f"{name}.safetensors"
    write_safetensors(path, checkpoint.model, record=checkpoint.record, epoch=checkpoint.epoch)
    lifter = Lifter.from_checkpoint(path, device="cpu")  # with weights in half precision, as the file has them
    write_calibration(calibration_file(path), calibrated(lifter, mocap))
    return Lifter.from_checkpoint(path, uncertainty=True)


def _made_mean(folder: Path, mocap: Path) -> Lifter:
    """The weighted mean of networks that were made, with the file that tells its errors."""
    (first, _), *others = ((folder / f"{name}.safetensors", share) for name, share in MEAN_OF.items())
    beside = [(Lifter.from_checkpoint(path, device="cpu"), share) for path, share in others]
    lifter = Lifter.from_checkpoint(first, device="cpu", beside=beside)
    lifter.calibration = calibrated(lifter, mocap)
    write_calibration(calibration_file(folder / f"{MEAN}.safetensors"), lifter.calibration)
    return lifter


if __name__ == "__main__":
    sys.exit(main())
