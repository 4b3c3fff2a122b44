"""Measure where `srnet lift --trajectory` and `--world` put people: the two tables of docs/lift.md.

    python -m benchmarks.lifted_paths --mocap FOLDER --pose2sim FOLDER

The first folder is that of `benchmarks.open_weights`: people of its data sets whom no network of the package was
trained on, with exact keypoints. The second one is Pose2Sim's demo, see `benchmarks.detector_noise`: real detections of
one camera, compared with the triangulation from four.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.detector_noise import MEDIAPIPE, demo_cameras, triangulated_m
from srnet_core import datasets
from srnet_core.errors import SrnetError
from srnet_core.evaluation.metrics import p_mpjpe
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.inference.lifter import Lifter
from srnet_core.keypoints import Keypoints, Track, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.lifting.lift import lift
from srnet_core.lifting.people import LiftedPeople
from srnet_core.lifting.trajectory import follow, standing_height_m
from srnet_core.lifting.world import legs_of, stand
from srnet_core.markdown import markdown_table
from srnet_core.weights import best_network

_SETS: tuple[tuple[str, str, str, int], ...] = (
    ("CMU, C49", "cmu", "C49", 10),
    ("HDM05", "hdm05", "", 12),
    ("UI-PRMD, U10", "uiprmd_mini", "U10", 10),
)
"""Title, data set, person (empty for all), and how many clips, taken evenly from all."""
_MOST_FRAMES = 600
_DEMO_HEIGHT_M = 1.72
_LIMBS = tuple(
    (side + part, side + ("Foot" if part == "Ankle" else part))
    for side in "LR"
    for part in ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
)  # names in the triangulation and in Human3.6M
Network = Callable[[Keypoints], Lifter]


@dataclass(frozen=True)
class Measured:
    """What is measured on one clip of motion capture.

    Attributes:
        known, known_scaled, estimated, estimated_scaled, world: mean error of the root in % of its distance from the
            camera: intrinsics known or estimated, as found or with the best size of the person; camera calibrated.
        world_height: the error with a calibrated camera in % of the height of the person.
        up_deg: angle between the true vertical and the one that is estimated.
        feet_mm, feet_before_mm: how far a standing foot moves from frame to frame, with `--world` and with
            `--trajectory`.
    """

    known: float
    known_scaled: float
    estimated: float
    estimated_scaled: float
    world: float
    world_height: float
    up_deg: float
    feet_mm: float
    feet_before_mm: float


def percent_of_distance(root_m: np.ndarray, true_m: np.ndarray, distance_m: np.ndarray, *, scaled: bool) -> float:
    """Mean error of a path in % of the distance from the camera, over the frames that have a place.

    Args:
        root_m, true_m: (T, 3) metres.
        distance_m: (T,) true distance from the camera, in metres.
        scaled: multiply the path by the one factor that fits best, by least squares; then the paths must be relative to
            the camera.
    """
    known = np.isfinite(root_m).all(axis=1)
    path, true = root_m[known].astype(np.float64), true_m[known]
    if scaled:
        path = path * (path * true).sum() / (path**2).sum()
    return 100 * float((np.linalg.norm(path - true, axis=-1) / distance_m[known]).mean())


def measure_clip(points_px: np.ndarray, true_m: np.ndarray, camera: Camera, fps: float, network: Network) -> Measured:
    """All measures of one clip.

    Args:
        points_px: (T, J, 2) keypoints.
        true_m: (T, J, 3) world metres.
        camera: with its place in the world.
        network: gives the lifter for a number of frames.
    """
    keypoints = _as_keypoints(points_px, camera, fps)
    lifter = network(keypoints)
    keypoints = keypoints.mend_swaps()
    cam_m = camera.world_to_camera(true_m)[:, 0]  # (T, 3)
    distance_m = np.linalg.norm(cam_m, axis=-1)
    height_m = standing_height_m(true_m, lifter.skeleton)
    assert height_m is not None
    known = follow(lift(keypoints, lifter, camera=camera))
    estimated = follow(lift(keypoints, lifter))
    placed, guessed = stand(known, placed=True), stand(estimated)

    def path(people: LiftedPeople) -> np.ndarray:
        root_m = people.people[0].root_m
        assert root_m is not None
        return root_m

    world = percent_of_distance(path(placed), true_m[:, 0], distance_m, scaled=False)
    up = quaternion_to_matrix(np.array(guessed.camera.orientation))[2]
    true_up = quaternion_to_matrix(np.array(camera.orientation))[2]
    before = replace(known.people[0], standing=placed.people[0].standing)
    return Measured(
        known=percent_of_distance(path(known), cam_m, distance_m, scaled=False),
        known_scaled=percent_of_distance(path(known), cam_m, distance_m, scaled=True),
        estimated=percent_of_distance(path(estimated), cam_m, distance_m, scaled=False),
        estimated_scaled=percent_of_distance(path(estimated), cam_m, distance_m, scaled=True),
        world=world,
        world_height=100 * float(np.nanmean(np.linalg.norm(path(placed) - true_m[:, 0], axis=-1))) / height_m,
        up_deg=float(np.degrees(np.arccos(np.clip(up @ true_up, -1, 1)))),
        feet_mm=_sliding_mm(placed),
        feet_before_mm=_sliding_mm(replace(known, people=(before,))),
    )


def _network() -> Network:
    """The network that `srnet lift` takes, each opened once."""
    opened: dict[str, Lifter] = {}

    def choose(keypoints: Keypoints) -> Lifter:
        name = best_network(keypoints.frame_count, consecutive=keypoints.consecutive)
        if name not in opened:
            opened[name] = Lifter.open(name, device="cpu")
        return opened[name]

    return choose


def _as_keypoints(points_px: np.ndarray, camera: Camera, fps: float) -> Keypoints:
    frames, joints = points_px.shape[:2]
    nothing = np.zeros((frames, joints), bool)
    track = Track("1", points_px.astype(np.float32), np.ones((frames, joints), np.float32), nothing, nothing[:, 0])
    layout = get_layout("h36m17")
    size = (camera.width_px, camera.height_px)
    return Keypoints((track,), frames, layout, layout.joints, "px", fps, size, {}, "motion capture", "array")


def _sliding_mm(people: LiftedPeople) -> float:
    """Mean way of a standing ankle from one frame to the next; NaN where no foot stands."""
    person = people.people[0]
    assert person.standing is not None
    ankles = person.placed_m[:, legs_of(people.skeleton)[:, 2]].astype(np.float64)  # (T, 2, 3)
    both = person.standing[1:] & person.standing[:-1]
    moved = np.linalg.norm(np.diff(ankles, axis=0), axis=-1)[both]
    return 1000 * float(moved.mean()) if len(moved) else float("nan")


def _clips(mocap: Path, name: str, subject: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, Camera, float]]:
    """Keypoints, world metres, camera and frame rate of clips, taken evenly from all of a person."""
    dataset = datasets.load(name, datasets.locate(name, mocap / name, "gt", mocap), "gt")
    clips = [c for c in dataset.clips(dataset.clip_names) if not subject or c.name.subject == subject]
    for number in np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int):
        clip = clips[number]
        if clip.pose_3d_cam_m is not None:
            cam_m = np.asarray(clip.pose_3d_cam_m, np.float64)[:_MOST_FRAMES]
            points_px = np.asarray(clip.pose_2d_px)[:_MOST_FRAMES]
            yield points_px, clip.camera.camera_to_world(cam_m), clip.camera, dataset.fps


def mocap_rows(mocap: Path) -> list[list[str]]:
    """A row for each data set: means over clips."""
    network, rows = _network(), []
    for title, name, subject, count in _SETS:
        found = []
        for clip in _clips(mocap, name, subject, count):
            try:
                found.append(measure_clip(*clip, network))
            except SrnetError as error:
                print(f"{title}: {error}", file=sys.stderr)
        mean = {f.name: float(np.nanmean([getattr(one, f.name) for one in found])) for f in fields(Measured)}
        rows.append(
            [
                title,
                str(len(found)),
                *(f"{mean[key]:.1f} %" for key in ("known", "known_scaled", "estimated", "estimated_scaled")),
                f"{mean['world']:.1f} % ({mean['world_height']:.0f} % of the height)",
                f"{mean['up_deg']:.1f} deg off",
                f"{mean['feet_mm']:.1f} mm per frame ({mean['feet_before_mm']:.1f} before)",
            ]
        )
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def demo_rows(folder: Path) -> list[list[str]]:
    """A row for each camera and tool of Pose2Sim's demo, and how far the vertical is off without a calibration."""
    world_m, fps = triangulated_m(folder)
    limbs_m = np.stack([world_m[name] for name, _ in _LIMBS], axis=1)  # (T, 12, 3)
    hips_m = (world_m["LHip"] + world_m["RHip"]) / 2
    network, rows = _network(), []
    for number, camera in demo_cameras(folder).items():
        own_file = folder / f"pose2sim_{number}.npz"
        if not own_file.exists():
            continue
        with np.load(own_file) as own:
            size = (int(own["size"][0]), int(own["size"][1]))
            mediapipe_m = own["world"][:, [MEDIAPIPE[name] for name, _ in _LIMBS]]
        path = folder / "pose-associated" / f"{number}_json"
        for tool, read in (
            ("OpenPose", read_keypoints(path, layout="body25b", fps=fps, image_size=size)),
            ("MediaPipe from the video", read_keypoints(own_file, layout="blazepose33", fps=fps, image_size=size)),
        ):
            keypoints = read.mend_swaps()
            lifter = network(keypoints)
            followed = follow(lift(keypoints, lifter, camera=camera), height_m=_DEMO_HEIGHT_M)
            placed = stand(followed, placed=True).people[0]
            free = stand(follow(lift(keypoints, lifter), height_m=_DEMO_HEIGHT_M))
            joints = [lifter.skeleton.joint_names.index(name) for _, name in _LIMBS]
            cam_m = camera.world_to_camera(hips_m)
            distance_m = np.linalg.norm(cam_m, axis=-1)
            root_m, before_m = placed.root_m, followed.people[0].root_m
            assert root_m is not None and before_m is not None
            frames = min(len(root_m), len(hips_m))
            known = np.isfinite(root_m[:frames]).all(axis=1) & np.isfinite(hips_m[:frames]).all(axis=1)
            found, true = root_m[:frames][known], hips_m[:frames][known]
            away = distance_m[:frames][known]
            world = percent_of_distance(found, true, away, scaled=False)
            camera_only = percent_of_distance(before_m[:frames][known], cam_m[:frames][known], away, scaled=False)
            error_m = float(np.linalg.norm(found - true, axis=-1).mean())
            up = quaternion_to_matrix(np.array(free.camera.orientation))[2]
            true_up = quaternion_to_matrix(np.array(camera.orientation))[2]
            rows.append(
                [
                    f"{number}, {tool}",
                    f"{world:.1f} % ({100 * error_m / _DEMO_HEIGHT_M:.0f} % of the height)",
                    f"{100 * float((found - true)[:, 2].mean()):+.1f} cm",
                    f"{camera_only:.1f} %",
                    f"{np.degrees(np.arccos(np.clip(up @ true_up, -1, 1))):.1f} deg off",
                    f"{_aligned_mm(placed.joints_m[:, joints], limbs_m):.1f} mm",
                    f"{_aligned_mm(mediapipe_m, limbs_m):.1f} mm" if tool != "OpenPose" else "",
                ]
            )
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _aligned_mm(poses_m: np.ndarray, true_m: np.ndarray) -> float:
    """P-MPJPE over the frames in which all joints are known."""
    frames = min(len(poses_m), len(true_m))
    known = np.isfinite(poses_m[:frames]).all(axis=(1, 2)) & np.isfinite(true_m[:frames]).all(axis=(1, 2))
    pair = (torch.tensor(p[:frames][known]).double() for p in (poses_m, true_m))
    return 1000 * float(p_mpjpe(*pair).mean())


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, help="folder of the data sets")
    parser.add_argument("--pose2sim", type=Path, help="folder of Pose2Sim's demo with a triangulation")
    asked = parser.parse_args()
    if asked.mocap is None and asked.pose2sim is None:
        parser.error("give --mocap, --pose2sim or both")
    if asked.mocap is not None:
        heads = ["data", "clips", "path, intrinsics known", "after scale", "path, focal length estimated"]
        heads += ["after scale", "path, camera calibrated, `--world`", "up, estimated", "feet, while they stand"]
        print(markdown_table(heads, mocap_rows(asked.mocap.resolve()), right=range(1, 9)) + "\n")
    if asked.pose2sim is not None:
        heads = ["camera, keypoints", "root", "height", "root, without `--world`", "up, estimated", "P-MPJPE"]
        print(markdown_table([*heads, "MediaPipe"], demo_rows(asked.pose2sim.resolve()), right=range(1, 7)))


if __name__ == "__main__":
    main()
