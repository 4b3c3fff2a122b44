"""How often `srnet prepare` names the mistake in a data set: known mistakes are made in sound data, and read again.

    python -m benchmarks.data_mistakes synthetic data/cmu data/hdm05 --json output/data_mistakes.json

Each folder holds one data set in the published layout, with exact 2D (`gt`). Every data set is tried as it is and, if
it has Human3.6M's 17 joints, with the 15 and 20 joints of HumanEva and with a skeleton of 21 joints of its own. The
files are written with one mistake each, and go through the same reading and checking as in `srnet prepare`.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core import datasets
from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import SrnetError
from srnet_core.files import write_json
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_inverse, quaternion_to_matrix
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import h36m17, humaneva15, humaneva20
from srnet_core.stages.checked import check_or_refuse

NAME = "lab"
MOST_SUBJECTS, MOST_TAKES, MOST_FRAMES = 3, 8, 300


@dataclass(frozen=True)
class Files:
    """What the two files of a data set hold. The 2D may have other frames than the 3D.

    Attributes:
        poses: {subject: {take: (T, J, 3) metres}}.
        views: {subject: {take: [per camera (T', J, 2) px]}}.
    """

    skeleton: Skeleton
    fps: float
    poses: dict[str, dict[str, np.ndarray]]
    views: dict[str, dict[str, list[np.ndarray]]]
    cameras: dict[str, tuple[Camera, ...]]

    def with_poses(self, change: Callable[[str, np.ndarray], np.ndarray]) -> "Files":
        changed = {s: {t: change(s, p) for t, p in takes.items()} for s, takes in self.poses.items()}
        return replace(self, poses=changed)

    def with_views(self, change: Callable[[Camera, np.ndarray], np.ndarray]) -> "Files":
        changed = {
            s: {t: [change(c, v) for c, v in zip(self.cameras[s], vs)] for t, vs in takes.items()}
            for s, takes in self.views.items()
        }
        return replace(self, views=changed)

    def with_cameras(self, change: Callable[[Camera], Camera]) -> "Files":
        return replace(self, cameras={s: tuple(map(change, rig)) for s, rig in self.cameras.items()})


def _size(camera: Camera) -> np.ndarray:
    return np.array([camera.width_px, camera.height_px], float)


def _extrinsic(camera: Camera) -> Camera:
    rotation = quaternion_to_matrix(quaternion_inverse(np.array(camera.orientation)))
    return replace(camera, translation_m=tuple(-rotation @ np.array(camera.translation_m)))


def _view_order(files: Files, order: Sequence[int], subjects: Sequence[str] | None = None) -> Files:
    views = {
        s: {
            t: [vs[k] for k in order if k < len(vs)] if subjects is None or s in subjects else vs
            for t, vs in takes.items()
        }
        for s, takes in files.views.items()
    }
    return replace(files, views=views)


def _but_root(pose: np.ndarray) -> np.ndarray:
    return np.concatenate([pose[:, :1], pose[:, 1:] - pose[:, :1]], axis=1)


def _half_rate_cut(files: Files) -> Files:
    """The 3D with every second frame, the 2D with all, cut to the same length."""
    half = files.with_poses(lambda s, p: p[::2])
    views = {
        s: {t: [v[: len(half.poses[s][t])] for v in vs] for t, vs in takes.items()} for s, takes in files.views.items()
    }
    return replace(half, views=views)


def _resampled(sequence: np.ndarray, rate: float) -> np.ndarray:
    rows = np.arange(int((len(sequence) - 1) * rate) + 1) / rate
    return sequence[np.round(rows).astype(int)]


def _mirror(files: Files) -> list[int]:
    return list(files.skeleton.mirror)


def _translated(files: Files, factor: float) -> Files:
    def moved(camera: Camera) -> Camera:
        x, y, z = camera.translation_m
        return replace(camera, translation_m=(factor * x, factor * y, factor * z))

    return files.with_cameras(moved)


Damage = Callable[[Files], Files]
# kind: {what is done: (how, words of which one must be in the message)}
MISTAKES: dict[str, dict[str, tuple[Damage, tuple[str, ...]]]] = {
    "camera space": {
        "of one camera": (
            lambda f: f.with_poses(lambda s, p: f.cameras[s][0].world_to_camera(p)),
            ("in the space of camera 0",),
        ),
        "of another camera, millimetres": (
            lambda f: f.with_poses(lambda s, p: 1000 * f.cameras[s][-1].world_to_camera(p)),
            ("in camera space",),
        ),
    },
    "root-relative": {
        "every joint": (lambda f: f.with_poses(lambda s, p: p - p[:, :1]), ("relative to the root",)),
        "every joint but the root": (
            lambda f: f.with_poses(lambda s, p: _but_root(p)),
            ("joints but the root are relative to the root",),
        ),
        "in camera space": (
            lambda f: f.with_poses(lambda s, p: (c := f.cameras[s][0].world_to_camera(p)) - c[:, :1]),
            ("relative to the root",),
        ),
        "in millimetres": (lambda f: f.with_poses(lambda s, p: 1000 * (p - p[:, :1])), ("relative to the root",)),
    },
    "normalized 2D": {
        "[-1, 1] by the width": (
            lambda f: f.with_views(lambda c, v: v / c.width_px * 2 - [1, c.height_px / c.width_px]),
            ("normalized to [-1, 1] by the width",),
        ),
        "[0, 1]": (lambda f: f.with_views(lambda c, v: v / _size(c)), ("normalized to [0, 1]",)),
        "rays": (
            lambda f: f.with_views(lambda c, v: (v - np.array(c.center_px)) / np.array(c.focal_length_px)),
            ("divided by the focal length",),
        ),
    },
    "other resolution": {
        "half": (lambda f: f.with_views(lambda c, v: v / 2), ("pixels of an image of about",)),
        "1.5 times": (lambda f: f.with_views(lambda c, v: v * 1.5), ("pixels of an image of about",)),
        "640 x 480": (lambda f: f.with_views(lambda c, v: v / _size(c) * [640, 480]), ("image of about 640 x 4",)),
    },
    "other frame rate": {
        "2D twice as fast": (lambda f: f.with_poses(lambda s, p: p[::2]), ("2 times the frame rate",)),
        "2D twice as fast, cut": (_half_rate_cut, ("2 times the frame rate",)),
        "60 for 50": (
            lambda f: f.with_views(lambda c, v: _resampled(v, 1.2)),
            ("1.2 times the frame rate", "the frame rates of 2D and 3D differ"),
        ),
        "2D half as fast": (lambda f: f.with_views(lambda c, v: v[::2]), ("frame rates may differ",)),
    },
    "cameras permuted": {
        "two exchanged": (lambda f: _view_order(f, (1, 0, 2, 3)), ("another order than the cameras",)),
        "turned": (lambda f: _view_order(f, (1, 2, 3, 0)), ("another order than the cameras",)),
        "of one subject": (
            lambda f: _view_order(f, (1, 0, 3, 2), list(f.poses)[:1]),
            ("another order than the cameras",),
        ),
    },
    "left and right": {
        "in 3D": (lambda f: f.with_poses(lambda s, p: p[:, _mirror(f)]), ("left and right are exchanged",)),
        "in 2D": (lambda f: f.with_views(lambda c, v: v[:, _mirror(f)]), ("left and right are exchanged",)),
    },
    "units": {
        "millimetres": (lambda f: f.with_poses(lambda s, p: 1000 * p), ("millimetres",)),
        "centimetres": (lambda f: f.with_poses(lambda s, p: 100 * p), ("centimetres",)),
        "a thousandth": (lambda f: f.with_poses(lambda s, p: p / 1000), ("1000 times too small",)),
        "a thousandth, cameras too": (
            lambda f: _translated(f.with_poses(lambda s, p: p / 1000), 0.001),
            ("divided by 1000",),
        ),
        "cameras in millimetres": (lambda f: _translated(f, 1000), ("must be in metres",)),
    },
    "y up": {
        "(x, z, -y)": (lambda f: f.with_poses(lambda s, p: p[..., [0, 2, 1]] * [1, 1, -1]), ("y up",)),
        "(x, z, y)": (lambda f: f.with_poses(lambda s, p: p[..., [0, 2, 1]]), ("y up",)),
        "y down": (lambda f: f.with_poses(lambda s, p: p[..., [0, 2, 1]] * [1, -1, 1]), ("-y up",)),
    },
    "quaternion order": {
        "w last": (
            lambda f: f.with_cameras(lambda c: replace(c, orientation=(*c.orientation[1:], c.orientation[0]))),
            ("w last",),
        ),
        "world to camera": (
            lambda f: f.with_cameras(
                lambda c: replace(c, orientation=tuple(quaternion_inverse(np.array(c.orientation))))
            ),
            ("rotate from world to camera",),
        ),
        "translation of p_cam = R p + t": (lambda f: f.with_cameras(_extrinsic), ("p_cam = R p + t",)),
    },
    "order of joints": {
        "2D reversed": (lambda f: f.with_views(lambda c, v: v[:, ::-1]), ("reverse order",)),
        "3D reversed": (lambda f: f.with_poses(lambda s, p: p[:, ::-1]), ("reverse order",)),
        "four exchanged": (
            lambda f: f.with_views(lambda c, v: v[:, [*range(1, 4), 0, *range(4, v.shape[1])]]),
            ("another order",),
        ),
    },
}


def sample_of(dataset: PoseDataset) -> Files:
    """Some takes of some subjects of a data set."""
    poses, views, cameras = {}, {}, {}
    for subject in list(dataset.positions_3d_world_m)[:MOST_SUBJECTS]:
        takes = list(dataset.positions_3d_world_m[subject])
        takes = takes[:: -(-len(takes) // MOST_TAKES)]
        poses[subject] = {t: np.asarray(dataset.positions_3d_world_m[subject][t][:MOST_FRAMES], float) for t in takes}
        views[subject] = {
            t: [np.asarray(v[:MOST_FRAMES], float) for v in dataset.positions_2d_px[subject][t]] for t in takes
        }
        cameras[subject] = tuple(dataset.cameras[subject])
    return Files(dataset.skeleton, dataset.fps, poses, views, cameras)


def _with_joints(files: Files, skeleton: Skeleton, weights: np.ndarray) -> Files:
    """Another skeleton, whose joints are weighted sums of the 3D joints; the 2D is what the cameras see of them."""
    made = replace(files.with_poses(lambda s, p: np.einsum("kj,tjc->tkc", weights, p)), skeleton=skeleton)
    views = {
        s: {t: [c.project(c.world_to_camera(p)) for c in files.cameras[s]] for t, p in takes.items()}
        for s, takes in made.poses.items()
    }
    return replace(made, views=views)


def _humaneva_weights(skeleton: Skeleton) -> np.ndarray:
    others = {"Pelvis": "Hip", "LAnkle": "LFoot", "RAnkle": "RFoot", "Neck": "Neck/Nose"}
    weights = np.zeros((skeleton.num_joints, 17))
    for row, joint in enumerate(skeleton.joint_names):
        plain = joint.replace("Upper", "").replace("Lower", "")
        weights[row, h36m17.SKELETON.joint_names.index(others.get(plain, plain))] = 1
        if joint.endswith("Lower"):  # the lower end of one segment is some millimetres from the upper end of the next
            parent = h36m17.SKELETON.parents[int(weights[row].argmax())]
            weights[row] *= 0.97
            weights[row, parent] += 0.03
    return weights


def _of_21_joints() -> tuple[Skeleton, np.ndarray]:
    """Human3.6M's 17 joints under the names of animation programs, and the middles of four bones."""
    names = "Hips RightUpLeg RightLeg RightFoot LeftUpLeg LeftLeg LeftFoot Spine Chest Neck Head LeftArm LeftForeArm "
    names += "LeftHand RightArm RightForeArm RightHand LeftTwist RightTwist LeftShin RightShin"
    middles = {"LeftTwist": (11, 12), "RightTwist": (14, 15), "LeftShin": (5, 6), "RightShin": (2, 3)}
    joints = tuple(names.split())
    weights = np.zeros((21, 17))
    weights[range(17), range(17)] = 1
    for name, ends in middles.items():
        weights[joints.index(name), list(ends)] = 0.5
    parents = [None if p < 0 else joints[p] for p in h36m17.SKELETON.parents]
    parents += [joints[ends[0]] for ends in middles.values()]
    left = tuple(j for j in joints if j.startswith("Left"))
    right = tuple(j.replace("Left", "Right") for j in left)
    return Skeleton(NAME, joints, tuple(parents), left, right), weights


def variants(name: str, files: Files) -> Iterator[tuple[str, Files]]:
    """The data set itself, and where its 17 joints are Human3.6M's, with three other skeletons."""
    yield f"{name}, {files.skeleton.num_joints} joints", files
    if files.skeleton.joint_names != h36m17.SKELETON.joint_names:
        return
    for skeleton in (humaneva15.SKELETON, humaneva20.SKELETON):
        weights = _humaneva_weights(skeleton)
        yield f"{name}, {skeleton.num_joints} joints", _with_joints(files, skeleton, weights)
    skeleton, weights = _of_21_joints()
    yield f"{name}, 21 joints", _with_joints(files, skeleton, weights)


def message_of(files: Files, noise_px: float = 0.0) -> str:
    """What `srnet prepare` says of these files: its error, or its notes on the geometry; empty if it says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        poses = {s: {t: p.astype(np.float32) for t, p in takes.items()} for s, takes in files.poses.items()}
        views = {
            s: {t: [v.astype(np.float32) for v in vs] for t, vs in takes.items()} for s, takes in files.views.items()
        }
        keypoints = "detected" if noise_px else "gt"
        paths = (Path(folder, f"data_3d_{NAME}.npz"), Path(folder, f"data_2d_{NAME}_{keypoints}.npz"))
        rigs = {s: [_camera_values(c) for c in rig] for s, rig in files.cameras.items()}
        np.savez(paths[0], positions_3d=poses, cameras=rigs, metadata=_metadata(files))  # type: ignore[arg-type]
        np.savez(paths[1], positions_2d=views, metadata=_metadata(files))  # type: ignore[arg-type]
        try:
            dataset = datasets.load(NAME, paths, keypoints)
            check = check_or_refuse(dataset, DataConfig(dataset=NAME), paths[0])
        except SrnetError as error:
            return str(error)
        return " ".join(finding.sentence for finding in check.findings)


def _with_noise(files: Files, noise_px: float) -> Files:
    rng = np.random.default_rng(0)
    return files.with_views(lambda _, v: v + rng.normal(0, noise_px, v.shape)) if noise_px else files


def _camera_values(camera: Camera) -> dict[str, Any]:
    return {
        "id": camera.id,
        "res_w": camera.width_px,
        "res_h": camera.height_px,
        "focal_length": camera.focal_length_px,
        "center": camera.center_px,
        "radial_distortion": camera.radial_distortion,
        "tangential_distortion": camera.tangential_distortion,
        "orientation": camera.orientation,
        "translation": camera.translation_m,
    }


def _metadata(files: Files) -> dict[str, Any]:
    skeleton = files.skeleton
    left, right = list(skeleton.left_indices), list(skeleton.right_indices)
    return {
        "num_joints": skeleton.num_joints,
        "keypoints_symmetry": [left, right],
        "fps": files.fps,
        "joint_names": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "joints_left": left,
        "joints_right": right,
    }


def _load(source: str) -> tuple[str, PoseDataset]:
    if source == "synthetic":
        with tempfile.TemporaryDirectory() as folder:
            paths = datasets.locate("synthetic", folder, "gt", folder)
            return "synthetic", datasets.load("synthetic", paths, "gt")
    (path,) = sorted(Path(source).glob("data_3d_*.npz"))
    name = path.stem.removeprefix("data_3d_")
    return Path(source).name, datasets.load(name, datasets.locate(name, source, "gt", source), "gt")


def main() -> None:
    """Try every mistake on every data set; print a table, and each miss with what was said instead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="synthetic, or folders with one data set each")
    parser.add_argument("--only", default="", help="kinds with these words")
    parser.add_argument("--noise-px", type=float, default=0.0, help="of the 2D, as a detector's, before the mistake")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    named: dict[str, Counter[str]] = {}
    tried: dict[str, Counter[str]] = {}
    for source in asked.sources:
        for title, files in variants(*_unpacked(source)):
            files = _with_noise(files, asked.noise_px)
            if said := message_of(files, asked.noise_px):
                print(f"{title}: said of sound data: {said}", flush=True)
            for kind, mistakes in MISTAKES.items():
                for what, (damage, words) in mistakes.items():
                    if asked.only not in kind:
                        continue
                    said = message_of(damage(files), asked.noise_px)
                    tried.setdefault(kind, Counter())[title] += 1
                    hit = any(word in said for word in words)
                    named.setdefault(kind, Counter())[title] += hit
                    if not hit:
                        print(f"{title}: {kind}, {what}: {said or '(nothing)'}", flush=True)
    titles = list(dict.fromkeys(title for counts in tried.values() for title in counts))
    print(f"| Mistake | {' | '.join(titles)} |")
    for kind, counts in tried.items():
        print(f"| {kind} | {' | '.join(f'{named[kind][t]} of {counts[t]}' for t in titles)} |")
    total = [sum(sum(c.values()) for c in counts.values()) for counts in (named, tried)]
    print(f"named: {total[0]} of {total[1]}")
    if asked.json is not None:
        write_json(asked.json, {"named": named, "tried": tried})


def _unpacked(source: str) -> tuple[str, Files]:
    name, dataset = _load(source)
    return name, sample_of(dataset)


if __name__ == "__main__":
    main()
