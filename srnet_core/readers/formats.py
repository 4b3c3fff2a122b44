"""The formats that are told apart by content: a table of readers, each imported when it is needed.

A reader is a module with `sniff(head) -> float`, how sure it is that a file is its own (0 to 1), and one or both of
- `read(head, options) -> list[Detections]`: 2D keypoints, one item per sequence;
- `motions(head) -> {name: Motion} | None`: points in space, one motion per sequence; `None` where the file is 2D.
Beside `read` it may have `FORMS`, {name: Form}, with the writers of the same format.
It may have `describe(head) -> dict | None` for what it can say about a file itself; `None` leaves that to the others.
"""

import importlib
import re
from pathlib import Path
from types import ModuleType

from srnet_core.errors import BadFileError
from srnet_core.lookup import FORMATS_LISTED_BY, choose, nearest_hint
from srnet_core.readers._known_files import of_file, of_values
from srnet_core.readers.forms import Form
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head
from srnet_core.readers.pickle_file import PROTOCOLS

# name of the format -> module in this package
FORMATS = {
    "openpose": "openpose",
    "openpose_matrices": "opencv_storage",
    "rtmlib": "rtmlib",
    "alphapose": "alphapose",
    "coco": "coco",
    "mmpose": "mmpose",
    "stgcn_json": "stgcn",
    "stgcn_array": "stgcn_array",
    "mediapipe": "mediapipe",
    "yolo": "yolo",
    "videopose3d": "detectron",
    "spin": "spin",
    "deeplabcut": "deeplabcut",
    "sleap": "sleap",
    "kinect": "kinect",
    "azure_kinect": "azure_kinect",
    "nuitrack": "nuitrack",
    "ntu": "ntu",
    "msr_action3d": "msr_action3d",
    "msr_daily_activity3d": "msr_daily_activity3d",
    "panoptic": "panoptic",
    "vitpose": "vitpose",
    "annolist": "annolist",
    "labelme": "labelme",
    "via": "via",
    "label_studio": "label_studio",
    "cvat": "cvat",
    "jta": "jta",
    "ai_challenger": "ai_challenger",
    "trc": "trc",
    "bvh": "bvh",
    "amc": "amc",
    "c3d": "c3d",
    "positions_3d": "positions_3d",
    "csv_cells": "cells",
    "frame_arrays": "frame_arrays",
    "plain": "plain",
    "movenet": "movenet",
    "pickle": "pickled",
    "torch": "torch_keypoints",
    "matlab": "matlab_poses",
    "json": "json_poses",
}
# name of a form that is written -> module in this package with the table FORMS
WRITTEN = {
    "openpose": "openpose",
    "rtmlib": "rtmlib",
    "alphapose": "alphapose",
    "alphapose_cmu": "alphapose",
    "coco": "coco",
    "coco_results": "coco",
    "mmpose": "mmpose",
    "mmpose_list": "mmpose",
    "stgcn_json": "stgcn",
    "mediapipe": "mediapipe",
    "mediapipe_long": "mediapipe",
    "mediapipe_wide": "mediapipe",
    "yolo": "yolo",
    "videopose3d": "detectron",
    "detectron": "detectron",
    "deeplabcut": "deeplabcut",
    "deeplabcut_h5": "deeplabcut",
    "sleap": "sleap",
    "kinect": "kinect",
    "vitpose": "vitpose",
    "trc": "trc",
    "json": "json_poses",
    "csv": "plain_writing",
    "npz": "plain_writing",
    "npy": "plain_writing",
}
_OTHER_NAMES_OF_WRITTEN = {"ultralytics": "yolo", "stgcn": "stgcn_json", "dlc": "deeplabcut", "detectron2": "detectron"}
_ALIASES = {
    "npy": "plain",
    "npz": "plain",
    "csv": "plain",
    "detectron": "videopose3d",
    "detectron2": "videopose3d",
    "stgcn": "stgcn_json",
    "dlc": "deeplabcut",
    "ultralytics": "yolo",
    "rtmpose": "mmpose",
    "asf": "amc",
    "asf_amc": "amc",
}
_ENDINGS_OF_DATA = (
    "json",
    "csv",
    "npz",
    "npy",
    "pkl",
    "mat",
    "h5",
    "hdf5",
    "slp",
    "trc",
    "txt",
    "bvh",
    "amc",
    "c3d",
    "xml",
)
_POSE_FORMAT = (
    "is a file of pose-format, which is not read",
    "Save the points of its body as an array, (frames, people, joints, 2), with numpy.savez",
)
_KINDS = {
    b"\x1f\x8b": ("is a gzip archive", "Unpack it first"),
    b"BZh": ("is a bzip2 archive", "Unpack it first"),
    b"\xfd7zXZ": ("is an xz archive", "Unpack it first"),
    b"Rar!": ("is a RAR archive", "Unpack it first"),
    b"7z\xbc\xaf": ("is a 7-Zip archive", "Unpack it first"),
    b"%PDF": ("is a PDF document", "Give the file that the tool wrote"),
    b"\x89PNG": ("is an image", "Run a 2D pose detector on it first"),
    b"\xff\xd8\xff": ("is an image", "Run a 2D pose detector on it first"),
    b"Kaydara FBX Binary": ("is an FBX file, which is not read", "Export BVH from the program it is from"),
    b"; FBX": ("is an FBX file, which is not read", "Export BVH from the program it is from"),
    b"\xcd\xf3\x00\x01": ("is a CDF file, as Human3.6M has them", "Give its folder to: srnet data import h36m"),
    b"%YAML 1.1\n%TAG !u!": ("is an asset of Unity, which is not read", "Export BVH from the program it is from"),
    b"glTF": ("is a glTF file, which is not read", "Import it into Blender and export BVH"),
    b"BLENDER": ("is a file of Blender, which is not read", "Export BVH from Blender"),
    b"PXR-USDC": ("is a USD file, which is not read", "Export BVH from the program it is from"),
    b"#usda": ("is a USD file, which is not read", "Export BVH from the program it is from"),
    b"Vocaloid Motion Data": (
        "is a motion of MikuMikuDance, which is not read",
        "Import it into Blender and export BVH",
    ),
    b"NO_OF_FRAMES\t": ("is a table of Qualisys, which is not read", "Export C3D from the program it is from"),
    b"Format Version,": ("is a table of OptiTrack Motive, which is not read", "Export C3D or BVH from Motive"),
    b"Trajectories": ("is a table of Vicon Nexus, which is not read", "Export C3D from Nexus"),
    b"\xcd\xcc\xcc\x3d": _POSE_FORMAT,  # its version, 0.1
    b"\xcd\xcc\x4c\x3e": _POSE_FORMAT,  # 0.2
    b"version https://git-lfs": ("is a Git LFS pointer, not the file itself", "Run: git lfs pull"),
    b"PAR1": ("is a Parquet table, which is not read", "Write it again as CSV, e.g. with pandas: frame.to_csv"),
    b"ARROW1": ("is a Feather or Arrow table, which is not read", "Write it again as CSV, e.g. with pandas"),
    b"#Kinovea": (
        "is a table of Kinovea, of points that were followed by hand",
        "Write a CSV with the columns frame, joint, x, y",
    ),
    b"<!DOCTYPE": ("is a web page: the download did not work", "Download it again"),
    b"<html": ("is a web page: the download did not work", "Download it again"),
}


_AS_COCO = "Export COCO keypoints from that program, or labels of CVAT"
# keys of the outermost object of a JSON file, or of the first one in its list: what it is, and what to do
_JSON_OF_OTHERS = (
    (
        {"format", "source", "left_out"},
        "is what an import of srnet wrote about a data set, without poses",
        "Give the data_3d or data_2d file beside it",
    ),
    ({"categories", "items"}, "is an export of Datumaro, which is not read", _AS_COCO),
    ({"item", "annotations"}, "is an export of V7 Darwin, which is not read", _AS_COCO),
    ({"objects", "size", "tags"}, "is an export of Supervisely, which is not read", _AS_COCO),
    ({"data_row", "projects"}, "is an export of Labelbox, which is not read", _AS_COCO),
    ({"metadata", "view", "attribute"}, "is a project of VIA 3, which is not read", "Label with VIA 2, or with CVAT"),
    (
        {"annotation_results"},
        "is a result of Google's Video Intelligence, which is not read",
        "Write its landmarks as CSV: frame, person, keypoint, x, y, confidence",
    ),
)

# what is in an XML file: what it is, and what to do
_XML_OF_OTHERS = (
    ("<mvnx", "is a recording of Xsens MVN, which is not read", "Export BVH or C3D from Xsens MVN"),
    ("<COLLADA", "is a COLLADA file, which is not read", "Import it into Blender and export BVH"),
    ("<KinematicModel", "is a skeleton of Vicon, without motion", "Give the C3D file of a take"),
    ("<OpenSimDocument", "is a model of OpenSim, without motion", "Give the TRC or C3D file of a take"),
)


def load_format(name: str) -> ModuleType:
    """The reader of a format.

    Raises:
        UnknownNameError: there is none of that name; the message tells the nearest ones, and what lists all.
    """
    name = name.lower().replace("-", "_")
    name = _ALIASES.get(name, name)
    hint = nearest_hint(name, [*sorted(FORMATS), *_ALIASES])
    choose("format", name, FORMATS, hint=hint, listed_by=FORMATS_LISTED_BY)
    return importlib.import_module(f"srnet_core.readers.{FORMATS[name]}")


def load_form(name: str) -> tuple[str, Form]:
    """The form to write of that name, or of another name for it, and how it is called.

    Raises:
        UnknownNameError: there is none of that name; the message lists those there are.
    """
    name = name.lower().replace("-", "_")
    name = choose("format to write", _OTHER_NAMES_OF_WRITTEN.get(name, name), sorted(WRITTEN))
    return name, importlib.import_module(f"srnet_core.readers.{WRITTEN[name]}").FORMS[name]


def recognise(head: Head) -> str:
    """The format of a file or folder, by its content.

    Raises:
        BadFileError: no reader knows it, or several are equally sure; the message names them.
    """
    packed_pickle = head.unpacked_start.startswith(PROTOCOLS)  # of joblib
    for magic, (what, todo) in _KINDS.items():
        if head.start.startswith(magic) and not packed_pickle:
            raise BadFileError(what, where=head.path, todo=todo)
        if head.sample is not None and not head.sample.is_folder and head.sample.start.startswith(magic):
            raise BadFileError(f"is a folder of files of which the first {what}", where=head.path, todo=todo)
    if head.start[4:8] == b"ftyp":
        raise BadFileError("is a video", where=head.path, todo="Run a 2D pose detector on it first")
    if (member := head.first_member) is not None and not head.is_npz and not head.is_torch:
        if member.startswith(("[Content_Types]", "xl/", "_rels/", "docProps/")):
            raise BadFileError("is a workbook of Excel, which is not read", where=head.path, todo="Save it as CSV")
        raise BadFileError(f"is a zip archive (of {member[:60]!a}, ...)", where=head.path, todo="Unpack it first")
    if head.is_folder and not head.entries:
        raise BadFileError("is a folder without files" + _with_folders(head), where=head.path)
    sure = {name: load_format(name).sniff(head) for name in FORMATS}
    best = max(sure.values())
    if best <= 0:
        if other := _other_contents(head):
            raise BadFileError(other[0], where=head.path, todo=other[1])
        if recordings := _recordings_in(head):
            raise BadFileError(
                f"holds {len(recordings)} recordings, one in each file: {few(recordings)}",
                where=head.path,
                todo="Give one of them",
            )
        raise BadFileError(
            "is of no kind that is known" + _with_folders(head),
            where=head.path,
            todo="Give 2D keypoints (OpenPose, MediaPipe, COCO, CSV, NumPy, ...) or motion capture (BVH, C3D, TRC, "
            f"AMC). {FORMATS_LISTED_BY} lists all formats",
        )
    named = [name for name, value in sure.items() if value == best]
    if len(named) > 1:
        raise BadFileError(f"may be {' or '.join(named)}", where=head.path, todo="Say which with format=")
    return named[0]


def _other_contents(head: Head) -> tuple[str, str | None] | None:
    """What a file of no known kind holds, and what to do, where that can be told.

    Raises:
        BadFileError: a JSON text is cut short.
    """
    if head.looks_like_json and not head.json:
        return "holds nothing: its JSON is an empty list or object", None
    if head.looks_like_json:
        value = head.json
        first = value[0] if isinstance(value, list) and value else value
        for keys, what, todo in _JSON_OF_OTHERS:
            if isinstance(first, dict) and keys <= first.keys():
                return what, todo
        if known := of_values(value):
            return known
    if head.text.startswith("%YAML"):
        return "is YAML without keypoints, or with others than OpenPose's", "Give JSON, CSV or an array of keypoints"
    if head.text.lstrip().startswith(("<?xml", "<data>")) and "<keypoints>" in head.text:
        return "is XML of Ultralytics, which is not read", "Write its results with to_json() or to_csv()"
    if head.text.lstrip().startswith("<?xml"):
        for tag, what, todo in _XML_OF_OTHERS:
            if tag in head.text[:4096]:
                return what, todo
    if re.search(r"^\s*FileType\s+htr", head.text[:4096], re.MULTILINE | re.IGNORECASE):
        return "is an HTR file of Motion Analysis, which is not read", "Export C3D or BVH from the program it is from"
    if "endheader" in head.text[:4096]:
        return "is a table of OpenSim (.sto, .mot), not of points", "Give the TRC or C3D file that it was computed from"
    return of_file(head)


def _recordings_in(head: Head) -> list[str]:
    """The files of a folder that does not hold the frames of one recording, where the first is of a known kind."""
    if not head.is_folder or head.sample is None or head.sample.is_folder or len(head.frame_names) < 2:
        return []
    known = any(load_format(name).sniff(head.sample) > 0 for name in FORMATS)
    return head.frame_names if known else []


def find(path: str | Path, format: str = "auto") -> tuple[Head, str]:
    """What to read at a path, and its format; in a folder with one file of data only, that file.

    Raises:
        InputFileMissing, BadFileError, UnknownNameError: as `Head`, `recognise` and `load_format`.
    """
    head = _labels_in(Head(path))
    if format != "auto":
        load_format(format)
        return head, format
    try:
        return head, recognise(head)
    except BadFileError:
        files = [name for name in head.entries if name.rpartition(".")[2].lower() in _ENDINGS_OF_DATA]
        if len(files) != 1:
            raise
        inside = Head(head.path / files[0])
        return inside, recognise(inside)


def _labels_in(head: Head) -> Head:
    """The folder `labels` of a data set or a result of YOLO, which has pictures or videos beside it; else the same.

    Raises:
        BadFileError: the labels are in parts, e.g. `labels/train` and `labels/val`.
    """
    endings = {name.rpartition(".")[2].lower() for name in head.entries}
    if "labels" not in head.folders or endings & {*_ENDINGS_OF_DATA} - {"txt"}:
        return head
    labels = Head(head.path / "labels")
    if any(name.lower().endswith(".txt") for name in labels.entries):
        return labels
    if labels.folders:
        raise BadFileError(
            "holds labels in parts: " + few(f"labels/{name}" for name in labels.folders),
            where=head.path,
            todo="Give one of them",
        )
    return head


def _with_folders(head: Head) -> str:
    if not head.folders:
        return ""
    return f"; it has folders: {few(head.folders)}. Give one of them"
