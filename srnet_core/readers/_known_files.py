"""Files of data sets and body models that are no keypoints or motion: what they are, and the command that reads them.

Sources: mks0601/3DMPPE_POSENET_RELEASE (tool, data/Human36M), Jeff-sjtu/HybrIK (hybrik/datasets), facebookresearch/eft,
google/aistplusplus_api (aist_plusplus/loader.py), sminchisescu-research/imar_vision_datasets_tools, wholebody3d,
anibali/h36m-fetch, una-dinosauria/3d-pose-baseline, Embracing/GFPose (lib/dataset/h36m.py), akanazawa/hmr.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

import numpy as np

from srnet_core.readers._hdf5 import MAGIC, open_hdf5
from srnet_core.readers.head import Head

What = tuple[str, str | None]

COMPUTE_THE_JOINTS = "Compute the joints with the body model, and save them as (frames, joints, 3)"
_IMPORT_H36M = "Give the folder of the archive, or of PoseNet's annotations, to: srnet data import h36m"
_IMPORT_3DHP = "Give the folder of its annot.mat files to: srnet data import mpi-inf-3dhp"
_IMPORT_3DPW = "Give the folder sequenceFiles to: srnet data import 3dpw"
_GIVE_THE_TABLE = "Give the .h5 or .csv table that DeepLabCut writes beside it"
_JOIN_AND_GIVE_THE_TABLE = "Run deeplabcut.stitch_tracklets, and give the .h5 or .csv table that it writes"
_OF_SMPL = "holds parameters of SMPL, not positions of joints"
_CALIBRATION = (
    "is a calibration of cameras, without keypoints or motion",
    "Give the file of the keypoints. Motion capture is seen by your cameras with: srnet data import mocap --cameras",
)
# names of parameters of SMPL and SMPL-X, alone or two of them together
_SURELY_SMPL = {
    "smpl_poses",
    "pose_body",
    "body_pose",
    "global_orient",
    "root_orient",
    "smpl_trans",
    "parm_pose",
    "poses_body",
    "theta",
    "thetas",
    "pose_cam",
    "betas",
    "smpl",
}
_PERHAPS_SMPL = {"pose", "poses", "shape", "trans", "transl"}
_OF_CAMERAS = (
    {"R", "t", "f", "c"},
    {"R", "T", "f", "c"},
    {"K", "R", "t"},
    {"K", "R", "T"},
    {"R", "T", "fx", "fy"},
    {"matrix", "rotation", "translation"},
    {"extrinsics", "intrinsics_w_distortion"},
    {"extrinsics", "intrinsics"},
)
_FIRST = 3  # items of a list or object that are looked at
_LEVELS = 5
_VIDEO_OF_H36M = re.compile(r"s_\d\d_act_\d\d_subact_\d\d", re.ASCII)
_VIDEO_OF_3DHP = re.compile(r"\bT?S\d/(Seq\d|imageSequence)", re.ASCII)
_QUATERNIONS = re.compile(r"\S+(\t\S+)+\t?\r?\n(-?[\d.e-]+ ){3}-?[\d.e-]+\t", re.ASCII)


def has_smpl(names: Collection[object]) -> bool:
    """Whether names of values are those of a body model's parameters."""
    there = set(names)
    return bool(there & _SURELY_SMPL) or len(there & _PERHAPS_SMPL) > 1


def of_values(value: object) -> What | None:
    """What a value of JSON or of a pickle is, and what to do, where it is known; looks at the first items only."""
    if _is_joints_of_posenet(value):
        return (
            "is Human3.6M as the annotations of PoseNet hold it",
            "Give its folder, with the cameras, to: srnet data import h36m FOLDER",
        )
    if _is_list_of_lcn(value):
        return "is Human3.6M as LCN, GFPose and the H36M-Toolbox label its images, which is not read", _IMPORT_H36M
    if _is_2d_of_lcn(value):
        return (
            "is Human3.6M as LCN and GFPose have it, without the names of its videos",
            "Give MotionBERT's .pkl, which has them, to: srnet data import h36m FILE --keypoints NAME",
        )
    for one in _dicts_in(value):
        if {"R", "t", "f", "c"} == one.keys():
            return (
                "is a calibration of cameras, as the annotations of PoseNet have it beside the joints",
                "Give its folder, with the joints, to: srnet data import h36m FOLDER",
            )
        if any(keys <= one.keys() for keys in _OF_CAMERAS):
            return _CALIBRATION
        if has_smpl(one.keys()):
            return _OF_SMPL, COMPUTE_THE_JOINTS
    return None


def of_deeplabcut(value: object) -> What | None:
    """What a pickle is that DeepLabCut writes beside its table of several animals, and what to do; else `None`.

    Source: DeepLabCut/DeepLabCut, pose_estimation_tensorflow/predict_multianimal.py and lib/inferenceutils.py.
    """
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(inside := value.get("data"), dict) and "DLC-model-config file" in inside:
        return "is what DeepLabCut writes about a run (_meta.pickle), without keypoints", _GIVE_THE_TABLE
    frames = [one for key, one in islice(value.items(), _FIRST) if str(key).startswith("frame")]
    if frames and all(isinstance(one, dict) and {"coordinates", "confidence"} <= one.keys() for one in frames):
        return "is DeepLabCut's detections before they were joined to animals (_full.pickle)", _JOIN_AND_GIVE_THE_TABLE
    people = [one for key, one in islice(value.items(), _FIRST) if key != "single"]
    listed = [animal for one in people if isinstance(one, list) for animal in one]
    if listed and all(isinstance(one, list) for one in people) and all(map(_is_assembly, listed)):
        return "is DeepLabCut's animals before they were tracked (_assemblies.pickle)", _JOIN_AND_GIVE_THE_TABLE
    if "header" in value and all(isinstance(key, int) and isinstance(one, dict) for key, one in _without(value)):
        return "is pieces of DeepLabCut's tracks (_el.pickle, _bx.pickle, _sk.pickle)", _JOIN_AND_GIVE_THE_TABLE
    return None


def _without(value: dict) -> list[tuple[object, object]]:
    return [(key, one) for key, one in islice(value.items(), _FIRST) if key not in ("header", "single")]


def _is_assembly(value: object) -> bool:
    """Whether it is (joints, 4): x, y, a confidence, and the whole number of a group."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape[1] != 4 or value.dtype.kind != "f":
        return False
    scores, groups = (column[np.isfinite(column)] for column in value[:, 2:].T)
    return bool(((scores >= 0) & (scores <= 1)).all() and (groups == np.floor(groups)).all())


def _is_joints_of_posenet(value: object) -> bool:
    """Whether it is {action: {take: {frame: 17 points}}}."""
    for _ in range(3):
        if not isinstance(value, dict) or not value or not all(str(key).isdigit() for key in islice(value, _FIRST)):
            return False
        value = next(iter(value.values()))
    return isinstance(value, list) and len(value) == 17 and all(isinstance(p, list) and len(p) == 3 for p in value)


def _is_list_of_lcn(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    keys = first.keys() if isinstance(first, dict) else set()
    return bool(keys & {"joint_3d_camera", "joints_3d"} and keys & {"camera_param", "camera"})


def _is_2d_of_lcn(value: object) -> bool:
    splits = [v for v in value.values() if isinstance(v, dict)] if isinstance(value, dict) else []
    return bool(splits) and all("joint3d_image" in split and "source" not in split for split in splits)


def _dicts_in(value: object, levels: int = _LEVELS) -> Iterable[Mapping]:
    """The first objects in a value, at most a few at each of a few levels."""
    if isinstance(value, dict):
        yield value
    if levels and isinstance(value, (dict, list)):
        for inside in islice(value.values() if isinstance(value, dict) else value, _FIRST):
            yield from _dicts_in(inside, levels - 1)


def of_annotations(images: object, annotations: object) -> What | None:
    """What lists of images and annotations in COCO's form are of, if none of these has keypoints."""
    image, person = (
        v[0] if isinstance(v, list) and v and isinstance(v[0], dict) else {} for v in (images, annotations)
    )
    name = str(image.get("file_name", "")).replace("\\", "/")
    if {"action_idx", "subaction_idx"} <= image.keys() and "keypoints_cam" not in person:
        return (
            "lists images of Human3.6M, as PoseNet has them, without keypoints",
            "Give its folder, with the joints and the cameras, to: srnet data import h36m FOLDER",
        )
    if "smpl_param" in person or "fitted_3d_pose" in person:
        return "is 3DPW as HybrIK and Pose2Mesh annotate it, without joints", _IMPORT_3DPW
    if _VIDEO_OF_3DHP.search(name):
        return "is MPI-INF-3DHP as HybrIK annotates it, without joints in the image", _IMPORT_3DHP
    if _VIDEO_OF_H36M.search(name) or {"action_idx", "subaction_idx"} <= image.keys():
        return "is Human3.6M as HybrIK and others annotate its images, without joints", _IMPORT_H36M
    if has_smpl(person.keys()):
        return _OF_SMPL, COMPUTE_THE_JOINTS
    return None


def of_file(head: Head) -> What | None:
    """What a file of no format is, where its names or its first bytes tell."""
    if head.start.startswith(MAGIC):
        return _of_hdf5(head)
    if head.is_npz:
        return _of_npz(set(head.npz))
    if _is_tfrecord(head):
        return "holds records of TensorFlow (TFRecord, as HMR has them), which are not read", (
            "Write the keypoints as .npz or JSON with TensorFlow"
        )
    if _QUATERNIONS.match(head.text):
        return "holds rotations of bones, four numbers each, not positions", "Give the file of positions beside it"
    return None


def _of_npz(names: set[str]) -> What | None:
    if {"poses", "trans"} <= names:
        return "holds parameters of SMPL, as AMASS has them, not positions of joints", COMPUTE_THE_JOINTS
    if "metadata" in names and names & {"train_data", "test_data"}:
        return (
            "is H3WB, the whole bodies of Human3.6M, in the .npz that is not read",
            "Give its JSON, 2Dto3D_train.json, whose 2D is read",
        )
    return (_OF_SMPL, COMPUTE_THE_JOINTS) if has_smpl(names) else None


def is_of_h36m(names: Collection[str]) -> bool:
    """Whether an HDF5 file with these members is one of Human3.6M's archive, or made of one."""
    return (
        "3D_positions" in names
        or {"pose", "subaction"} <= set(names)
        or any(re.fullmatch(r"subject\d+", name) for name in names)
    )


def _of_hdf5(head: Head) -> What | None:
    with open_hdf5(head.path) as file:
        names = [name[:40] for name in file.names()[:20]]
        if "3D_positions" in names:
            return "is one take of Human3.6M's archive", "Give the folder of the archive to: srnet data import h36m"
        if any(re.fullmatch(r"subject\d+", name) for name in names):
            return "holds the cameras of Human3.6M's archive", "Give its folder to: srnet data import h36m"
        if "pose" in names and "subaction" in names:
            return (
                "is Human3.6M as h36m-fetch writes it, with a part of the frames, which is not read",
                "Give the folder of the original files, which h36m-fetch has too, to: srnet data import h36m",
            )
        listed = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return (
        f"is an HDF5 file of no kind that is known (it has {listed or 'nothing'})",
        "Save the keypoints as one array (frames, joints, 2) or (frames, joints, 3) with numpy.savez",
    )


def _is_tfrecord(head: Head) -> bool:
    """A record is its length in 8 bytes, a sum of 4, the content, which begins with the byte 10, and a sum of 4."""
    length = int.from_bytes(head.start[:8], "little")
    return (
        not head.is_folder
        and 0 < length <= head.size - 16
        and head.start[12:13] == b"\n"
        and head.start[4:8] == bytes(4)
    )
