"""The formats that are told apart by content: a table of readers, each imported when it is needed.

A reader is a module with `sniff(head) -> float`, how sure it is that a file is its own (0 to 1), and one or both of
- `read(head, options) -> list[Detections]`: 2D keypoints, one item per sequence;
- `motions(head) -> {name: Motion} | None`: points in space, one motion per sequence; `None` where the file is 2D.
Beside `read` it may have `FORMS`, {name: Form}, with the writers of the same format.
It may have `describe(head) -> dict | None` for what it can say about a file itself; `None` leaves that to the others.
"""

import contextlib
import importlib
from pathlib import Path
from types import ModuleType

from srnet_core.errors import BadFileError
from srnet_core.lookup import FORMATS_LISTED_BY, choose, nearest_hint
from srnet_core.readers._not_read import of_beginning, of_contents
from srnet_core.readers.forms import Form
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

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
    "nwb": "nwb",
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
    "qualisys": "qualisys",
    "motive": "motive",
    "nexus": "nexus",
    "mvnx": "mvnx",
    "positions_3d": "positions_3d",
    "csv_cells": "cells",
    "json_table": "json_table",
    "frame_arrays": "frame_arrays",
    "plain": "plain",
    "movenet": "movenet",
    "pickle": "pickled",
    "torch": "torch_keypoints",
    "hdf5": "hdf5_arrays",
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
    "mediapipe": "mediapipe_writing",
    "mediapipe_long": "mediapipe_writing",
    "mediapipe_wide": "mediapipe_writing",
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
    "qtm": "qualisys",
    "optitrack": "motive",
    "vicon": "nexus",
    "xsens": "mvnx",
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
    "nwb",
    "trc",
    "txt",
    "bvh",
    "amc",
    "c3d",
    "xml",
    "tsv",
    "jsonl",
    "pickle",
    "skeleton",
)
_PICTURES = {
    *("jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff", "webp"),
    *("mp4", "avi", "mov", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv"),
}
_MOST_FOLDERS = 20  # beside each other: images, videos, json


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
    if known := of_beginning(head):
        raise BadFileError(known[0], where=head.path, todo=known[1])
    if head.is_folder and not head.entries:
        raise BadFileError("is a folder without files" + _with_folders(head), where=head.path)
    sure = {name: load_format(name).sniff(head) for name in FORMATS}
    best = max(sure.values())
    if best <= 0:
        if other := of_contents(head):
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
            f"AMC, MVNX, TSV, CSV). {FORMATS_LISTED_BY} lists all formats",
        )
    named = [name for name, value in sure.items() if value == best]
    if len(named) > 1:
        raise BadFileError(f"may be {' or '.join(named)}", where=head.path, todo="Say which with format=")
    return named[0]


def _recordings_in(head: Head) -> list[str]:
    """The files of a folder that does not hold the frames of one recording, where the first is of a known kind."""
    if not head.is_folder or head.sample is None or head.sample.is_folder or len(head.frame_names) < 2:
        return []
    known = any(load_format(name).sniff(head.sample) > 0 for name in FORMATS)
    return head.frame_names if known else []


def find(path: str | Path, format: str = "auto") -> tuple[Head, str]:
    """What to read at a path, and its format; in a folder with one file or folder of data only, that one.

    Raises:
        InputFileMissing, BadFileError, UnknownNameError: as `Head`, `recognise` and `load_format`.
    """
    head = _labels_in(Head(path))
    if format != "auto":
        load_format(format)
        return head, format
    files = [name for name in head.entries if _ending(name) in _ENDINGS_OF_DATA]
    if len(files) == 1 and _ending(files[0]) != "txt":  # which may hold all frames, where a folder has one in each file
        inside = Head(head.path / files[0])
        with contextlib.suppress(BadFileError):
            return inside, recognise(inside)
    try:
        return head, recognise(head)
    except BadFileError:
        if len(files) == 1:
            inside = Head(head.path / files[0])
            return inside, recognise(inside)
        if files or (only := _only_folder_of_data(head)) is None:
            raise
        return find(only.path)


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _only_folder_of_data(head: Head) -> Head | None:
    """The folder of keypoints among folders of pictures and videos."""
    inside = [Head(head.path / name) for name in head.folders[:_MOST_FOLDERS]]
    with_data = [one for one in inside if one.folders or not {_ending(name) for name in one.entries} <= _PICTURES]
    if len(head.folders) > _MOST_FOLDERS or len(with_data) != 1 or with_data[0].folders:
        return None
    return with_data[0]


def _labels_in(head: Head) -> Head:
    """The folder `labels` of a data set or a result of YOLO, which has pictures or videos beside it; else the same.

    Raises:
        BadFileError: the labels are in parts, e.g. `labels/train` and `labels/val`.
    """
    endings = {_ending(name) for name in head.entries}
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
