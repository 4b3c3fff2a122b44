"""Kinds of files that are not read, told by their beginning or by what they hold: what each is, and what to do."""

import re

from srnet_core.readers._known_files import What, of_file, of_values
from srnet_core.readers.head import Head
from srnet_core.readers.pickle_file import PROTOCOLS

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

# "landmark { x: 0.5 ...", "NormalizedLandmark(x=0.5, ...", and "x: 0.5\ny: 0.4\nz: ..." in a file or in JSON
_LANDMARK_AS_TEXT = re.compile(
    r"landmark \{|Landmark\(x=|(^|\")x: -?[\d.e-]+(\n|\\n)y: -?[\d.e-]+(\n|\\n)", re.MULTILINE
)

# what is in an XML file: what it is, and what to do
_XML_OF_OTHERS = (
    ("<COLLADA", "is a COLLADA file, which is not read", "Import it into Blender and export BVH"),
    ("<KinematicModel", "is a skeleton of Vicon, without motion", "Give the C3D file of a take"),
    ("<OpenSimDocument", "is a model of OpenSim, without motion", "Give the TRC or C3D file of a take"),
)


def of_beginning(head: Head) -> What | None:
    """What a file is by its first bytes, or the first file of a folder."""
    packed_pickle = head.unpacked_start.startswith(PROTOCOLS)  # of joblib
    for magic, (what, todo) in _KINDS.items():
        if head.start.startswith(magic) and not packed_pickle:
            return what, todo
        if head.sample is not None and not head.sample.is_folder and head.sample.start.startswith(magic):
            return f"is a folder of files of which the first {what}", todo
    if head.start[4:8] == b"ftyp":
        return "is a video", "Run a 2D pose detector on it first"
    if (member := head.first_member) is not None and not head.is_npz and not head.is_torch:
        if member.startswith(("[Content_Types]", "xl/", "_rels/", "docProps/")):
            return "is a workbook of Excel, which is not read", "Save it as CSV"
        return f"is a zip archive (of {member[:60]!a}, ...)", "Unpack it first"
    return None


def of_contents(head: Head) -> What | None:
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
    if _LANDMARK_AS_TEXT.search(head.text):
        return (
            "holds landmarks of MediaPipe as Python prints them, which is not read",
            'Write them as JSON: for each frame a list of {"x", "y", "z", "visibility"}',
        )
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
