"""Train and measure the network that comes with the package: docs/srnet-open.md.

    python -m benchmarks.open_weights --mocap FOLDER --output output/open

FOLDER holds `uiprmd_mini`, `cmu` and `hdm05`, each with its data_3d_NAME.npz and data_2d_NAME_gt.npz. The first two are
brought together and trained on; two of their people and all of the third are only measured.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core.checkpoint import load_checkpoint
from srnet_core.checkpoint.safetensors_file import write_safetensors
from srnet_core.evaluation.metrics import mpjpe, p_mpjpe
from srnet_core.geometry.camera import Camera
from srnet_core.inference.lifter import Lifter
from srnet_core.keypoints import read_keypoints
from srnet_core.lifting.lift import lift
from srnet_core.markdown import markdown_table
from srnet_core.readers.npz import read_npz
from srnet_core.readers.trc import read_trc

TRAINED_ON = ("uiprmd_mini", "cmu")
HELD_OUT = ("U10", "C49")
SETTINGS = (
    "--norm ray --augment view,place,angles,parts,bones,noise --set augment.view.pitch_deg=30 --model srnet "
    "--arch 1,1,1 --channels 512 --batch-size 1024 --test-every 7"
)
# first with a learning rate that falls slowly, then from those weights with one that falls fast
FIRST, NAME = "srnet-open-1-first", "srnet-open-1"
FIRST_RUN = "--epochs 25 --lr-decay 0.95"
SECOND_RUN = "--epochs 14 --lr 0.00028 --lr-decay 0.75"
_EVERY = 5  # frames of a measured clip
_LIMBS = tuple(
    (f"{side}{there}", f"{side}{here}", index + (0 if side == "L" else 1))
    for side in "LR"
    for there, here, index in (
        ("Hip", "Hip", 23),
        ("Knee", "Knee", 25),
        ("Ankle", "Foot", 27),
        ("Shoulder", "Shoulder", 11),
        ("Elbow", "Elbow", 13),
        ("Wrist", "Wrist", 15),
    )
)  # names in the triangulation and in Human3.6M, index among MediaPipe's landmarks


def bring_together(mocap: Path, folder: Path) -> None:
    """Write the people of all data sets as one, `data_3d_open.npz` and `data_2d_open_gt.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    positions: dict[str, Any] = {}
    cameras: dict[str, Any] = {}
    keypoints: dict[str, Any] = {}
    about: dict[str, Any] = {}
    about_2d: dict[str, Any] = {}
    for name in TRAINED_ON:
        file_3d, file_2d = _files(mocap, name)
        positions |= file_3d["positions_3d"]
        cameras |= file_3d["cameras"]
        keypoints |= file_2d["positions_2d"]
        about, about_2d = file_3d["metadata"], file_2d["metadata"]
    _write(folder / "data_3d_open.npz", {"positions_3d": positions, "cameras": cameras, "metadata": about})
    _write(folder / "data_2d_open_gt.npz", {"positions_2d": keypoints, "metadata": about_2d})


def _write(path: Path, members: dict[str, Any]) -> None:
    """Each member as a pickled dict, as the published files hold them."""
    arrays: dict[str, Any] = {name: np.array(value, dtype=object) for name, value in members.items()}
    np.savez_compressed(path, **arrays)


def _files(mocap: Path, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = mocap / name
    return read_npz(folder / f"data_3d_{name}.npz"), read_npz(folder / f"data_2d_{name}_gt.npz")


def train(folder: Path) -> Path:
    """Train in a folder; a run that was stopped is resumed, a finished one kept. Returns the checkpoint."""
    first = _train(folder, FIRST, FIRST_RUN)
    return _train(folder, NAME, f"{SECOND_RUN} --finetune {shlex.quote(str(first.relative_to(folder)))}")


def _train(folder: Path, name: str, settings: str) -> Path:
    checkpoint = folder / "checkpoint" / f"latest_epoch_{name}.bin"
    arguments = ["--dataset", "open", "--subjects-test", ",".join(HELD_OUT), *shlex.split(f"{SETTINGS} {settings}")]
    arguments += ["--name", name]
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


def measure(lifter: Lifter, mocap: Path, name: str, subjects: tuple[str, ...] = ()) -> list[str]:
    """A row of the table: MPJPE and P-MPJPE in mm, the camera known, and only the size of the image known."""
    errors: dict[str, list[np.ndarray]] = {"known": [], "known aligned": [], "size": [], "size aligned": []}
    people = set()
    for subject, camera, points_px, truth_m in _clips(mocap, name):
        if subjects and subject not in subjects:
            continue
        people.add(subject)
        size = (camera.width_px, camera.height_px)
        for what, given in (("known", {"camera": camera}), ("size", {"image_size": size})):
            predicted = torch.from_numpy(lifter(points_px, **given))  # type: ignore[arg-type]
            errors[what].append(mpjpe(predicted - predicted[:, :1], truth_m).numpy() * 1000)
            errors[f"{what} aligned"].append(p_mpjpe(predicted, truth_m).numpy() * 1000)
    means = [float(np.concatenate(errors[key]).mean()) for key in ("known", "known aligned", "size", "size aligned")]
    return [name, str(len(people)), *(f"{mean:.1f}" for mean in means)]


def _clips(mocap: Path, name: str) -> Iterator[tuple[str, Camera, np.ndarray, torch.Tensor]]:
    """Subject, camera, (T, J, 2) keypoints and (T, J, 3) root-relative truth of every clip."""
    from srnet_core import datasets

    paths = datasets.locate(name, mocap / name, "gt", mocap)
    dataset = datasets.load(name, paths, "gt")
    for clip in dataset.clips(dataset.clip_names):
        points_px = np.asarray(clip.pose_2d_px[::_EVERY])
        if clip.pose_3d_cam_m is None:
            continue
        truth = torch.from_numpy(np.asarray(clip.pose_3d_cam_m[::_EVERY], np.float32))
        yield clip.name.subject, clip.camera, points_px, truth - truth[:, :1]


def measure_detections(lifter: Lifter, folder: Path) -> list[list[str]]:
    """Rows of P-MPJPE in mm over arms and legs, against a triangulation: lifted OpenPose, and MediaPipe's own 3D.

    Args:
        folder: `pose-associated/camNN_json`, one `pose-3d/*.trc` that is neither filtered nor augmented, and
            `pose2sim_camNN.npz` with MediaPipe's `world` landmarks and the image's `size`.
    """
    (trc,) = [p for p in (folder / "pose-3d").glob("*.trc") if "filt" not in p.name]
    triangulated = read_trc(trc)
    true = triangulated.positions[:, [triangulated.names.index(name) for name, _, _ in _LIMBS]]
    rows = []
    for file in sorted(folder.glob("pose2sim_cam*.npz")):
        camera = file.stem.rpartition("_")[2]
        with np.load(file) as own:
            width, height = (int(n) for n in own["size"])
            world = own["world"][:, [index for _, _, index in _LIMBS]]
        path = folder / "pose-associated" / f"{camera}_json"
        keypoints = read_keypoints(path, layout="body25b", fps=60, image_size=(width, height))
        joints = [lifter.skeleton.joint_names.index(name) for _, name, _ in _LIMBS]
        lifted = lift(keypoints, lifter).people[0].joints_m[:, joints]
        rows.append([camera, *(f"{_aligned_mm(poses, true):.1f}" for poses in (lifted, world))])
    return rows


def _aligned_mm(poses: np.ndarray, true: np.ndarray) -> float:
    frames = min(len(poses), len(true))
    poses, true = poses[:frames], true[:frames]
    known = np.isfinite(poses).all(axis=(1, 2)) & np.isfinite(true).all(axis=(1, 2))
    errors = p_mpjpe(torch.tensor(poses[known]).double(), torch.tensor(true[known]).double())
    return float(errors.mean()) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, default=Path("output/open"))
    parser.add_argument("--measure-only", action="store_true", help="measure the network that is in the package")
    parser.add_argument("--pose2sim", type=Path, help="folder of Pose2Sim's demo with a triangulation")
    asked = parser.parse_args()
    mocap = asked.mocap.resolve()
    if asked.measure_only:
        lifter = Lifter.open()
    else:
        bring_together(mocap, asked.output / "data")
        checkpoint = load_checkpoint(train(asked.output))
        path = asked.output / "srnet-open-1.safetensors"
        write_safetensors(path, checkpoint.model, record=checkpoint.record, epoch=checkpoint.epoch)
        lifter = Lifter.from_checkpoint(path)
    heads = ["measured on", "people", "MPJPE, camera known", "P-MPJPE", "MPJPE, image size known", "P-MPJPE"]
    rows = [measure(lifter, mocap, "uiprmd_mini", HELD_OUT), measure(lifter, mocap, "cmu", HELD_OUT)]
    print(markdown_table(heads, [*rows, measure(lifter, mocap, "hdm05")], right=range(1, 6)))
    if asked.pose2sim:
        print(
            markdown_table(
                ["camera", "srnet-open-1", "MediaPipe"], measure_detections(lifter, asked.pose2sim), right=(1, 2)
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
