"""The manifest of a stage: `manifest.json`, checked field by field before anything of it is used.

The digest in it covers every other field, and the fields cover every file of the stage. So any changed bit is found.
Manifests written before there was a digest are read as well; what can be checked without it is checked.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from srnet_core.config import WITHOUT_INFLUENCE, DataConfig, from_dict
from srnet_core.errors import SrnetError, StageError
from srnet_core.files import without_nan
from srnet_core.geometry.camera import Camera
from srnet_core.skeletons import known_or_new
from srnet_core.stages.contents import are_sketches
from srnet_core.stages.key import frames_config, stage_key

MANIFEST = "manifest.json"
# forms: arrays of the stage's own frames; arrays of the whole data set's frames, see `shared`. 2 had no arrays
OWN_FRAMES, SHARED_FRAMES = 1, 3
CHUNK_FRAMES = 16384
FRAME_ARRAYS = ("pose_2d", "pose_3d", "norm_parameters", "root_cam_m")
SEEN = "seen_2d"  # in the joints of `manifest["seen_joints"]`, where `pose_2d` was converted to the skeleton's
MAKE_AGAIN = (
    "Remove it with: srnet cache clean (and your --cache-dir, if you gave one), which finds other damaged stages too; "
    "the next run makes it again"
)

_DIGEST = "digest"
MAX_MANIFEST_BYTES = 64 * 2**20
_MAX_JOINTS = 4096
_MAX_PARAMETERS = 1024
_MAX_FRAMES = 2**40
# What a manifest without a digest may hold: a flipped bit in the name of the digest must not make it an old manifest.
_FIELDS_BEFORE_DIGEST = (
    {"arrays", "body_size", "cameras", "config", "created", "dataset", "files", "fps", "frames", "inputs", "key"}
    | {"keypoints", "norm_parameters", "notes", "sequences", "skeleton", "srnet_version", "stage_version"}
    | {"synthetic", "windows"}
)
_HASH = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"([a-z0-9_]{1,64}/)?zarr\.json|[a-z0-9_]{1,64}/c(/\d{1,12}){1,3}")


def with_digest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as it is read back from its file, with the digest of all its fields."""
    fields = json.loads(json.dumps(without_nan(manifest), allow_nan=False))
    return {**fields, _DIGEST: _digest_of(fields)}


def _digest_of(manifest: Mapping[str, Any]) -> str:
    fields = {name: value for name, value in manifest.items() if name != _DIGEST}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stage, checked.

    Raises:
        StageError: it is missing, damaged, of another version, or belongs to another folder.
    """
    try:
        if (folder / MANIFEST).stat().st_size > MAX_MANIFEST_BYTES:
            raise ValueError(f"the manifest is larger than {MAX_MANIFEST_BYTES / 2**20:.0f} MiB")
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        _check(manifest)
    except KeyError as error:
        raise StageError(
            f"is not a finished stage: the manifest has no {error}", where=folder, todo=MAKE_AGAIN
        ) from None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError, SrnetError) as error:
        what = error.what if isinstance(error, SrnetError) else _first_line(error)
        raise StageError(f"is not a finished stage: {what}", where=folder, todo=MAKE_AGAIN) from None
    named = re.fullmatch(r".+-([0-9a-f]{16})", folder.name)
    if named and named[1] != manifest["key"]:
        raise StageError(f"is the stage of another folder: its key is {manifest['key']}", where=folder, todo=MAKE_AGAIN)
    return manifest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the manifest holds {name}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _check(manifest: Any) -> None:
    """Raise `ValueError`, `KeyError`, `TypeError` or an `SrnetError` unless every field is as `prepare` writes it."""
    _require(isinstance(manifest, dict), "the manifest is not a JSON object")
    version = manifest["stage_version"]
    known = type(version) is int and version in (OWN_FRAMES, SHARED_FRAMES)
    _require(known, f"made by another version ({version!r:.20})")
    if _DIGEST in manifest:
        _require(manifest[_DIGEST] == _digest_of(manifest), "the manifest was changed after it was written")
    else:
        _require(set(manifest) <= _FIELDS_BEFORE_DIGEST, "the manifest has unknown fields")
    for name in ("created", "dataset", "keypoints", "srnet_version"):
        _require(isinstance(manifest[name], str), f"{name} is not text")
    _require(type(manifest["synthetic"]) is bool, "synthetic is not true or false")
    _require(_is_number(manifest["fps"]) and manifest["fps"] > 0, "fps is not a positive number")
    _require(_is_list_of(str, manifest["notes"]), "notes is not a list of texts")
    apart = manifest.get("frames_apart", 1)
    _require(_is_size(apart) and apart > 0, "frames_apart is not a positive whole number")
    _require(are_sketches(manifest.get("contents", {})), "contents are not numbers by subject and take")
    _require(_is_list_of(str, manifest.get("warnings", [])), "warnings is not a list of texts")
    _require(_is_list_of(str, manifest.get("split_rule", [])), "split_rule is not a list of texts")
    absent = manifest.get("absent_subjects", {"train": [], "test": []})
    _require(
        isinstance(absent, dict) and all(_is_list_of(str, absent[side]) for side in ("train", "test")),
        "absent_subjects are not lists of names",
    )
    _check_key(manifest)
    _check_arrays(manifest)
    _check_clips(manifest)
    _check_places(manifest)
    _check_body_size(manifest)
    _check_files(manifest)


def _check_key(manifest: Mapping[str, Any]) -> None:
    """The key must follow from the configuration and the input files named beside it."""
    key, inputs = manifest["key"], manifest["inputs"]
    _require(isinstance(key, str) and _KEY.fullmatch(key) is not None, "the key is not 16 hex digits")
    _require(_is_list_of(dict, inputs), "inputs is not a list of files")
    for entry in inputs:
        _require(isinstance(entry["name"], str) and _is_size(entry["bytes"]), "an input file has no name or size")
        _require(_is_hash(entry["sha256"]), "an input file has no sha256")
    _require(isinstance(manifest["config"], dict), "config is not a table")
    config = from_dict(DataConfig, manifest["config"])
    made = stage_key(config, manifest["dataset"], [entry["sha256"] for entry in inputs])
    _require(made == key, f"the key {key} does not belong to this configuration and these input files")
    _require(("frames_from" in manifest) == (manifest["stage_version"] == SHARED_FRAMES), "frames_from does not fit")
    if "frames_from" in manifest:
        _check_frames_from(manifest, config)


def _check_frames_from(manifest: Mapping[str, Any], config: DataConfig) -> None:
    """The frames must be those of the stage of the same data, and there is a place in it for every clip."""
    source, shared = manifest["frames_from"], frames_config(config)
    _require(
        isinstance(source, dict) and set(source) == {"key", "layout", "starts", "frames"},
        "frames_from has other fields",
    )
    if shared is None:
        raise ValueError("frames_from does not fit the configuration")
    made = stage_key(shared, manifest["dataset"], [entry["sha256"] for entry in manifest["inputs"]])
    _require(source["key"] == made and _is_hash(source["layout"]), "the frames are those of other data")
    starts = source["starts"]
    _require(isinstance(starts, list) and all(map(_is_size, starts)), "frames_from has no places of clips")
    _require(len(starts) == len(manifest["sequences"]), "frames_from has another number of clips")
    _require(_is_size(source["frames"]) and source["frames"] <= _MAX_FRAMES, "frames_from has no number of frames")


def _check_arrays(manifest: Mapping[str, Any]) -> None:
    parameters, skeleton = manifest["norm_parameters"], manifest["skeleton"]
    _require(
        _is_list_of(str, parameters) and len(parameters) <= _MAX_PARAMETERS, "norm_parameters is not a list of names"
    )
    expected = [name for name in FRAME_ARRAYS if name != "norm_parameters" or parameters]
    if "seen_joints" in manifest:
        expected.append(SEEN)
        seen = manifest["seen_joints"]
        _require(_is_list_of(str, seen) and 0 < len(seen) <= _MAX_JOINTS, "seen_joints is not a list of names")
    _require(manifest["arrays"] == expected, f"arrays are not {', '.join(expected)}")
    _require(isinstance(skeleton, dict) and isinstance(skeleton.get("joint_names"), list), "there is no skeleton")
    _require(len(skeleton["joint_names"]) <= _MAX_JOINTS, f"the skeleton has more than {_MAX_JOINTS} joints")
    _require(isinstance(skeleton["name"], str), "the skeleton has no name")
    for part in ("joint_names", "left", "right"):
        _require(_is_list_of(str, skeleton[part]), f"{part} of the skeleton is not a list of names")
    known_or_new(skeleton)


def _check_clips(manifest: Mapping[str, Any]) -> None:
    """Clips follow one another without gaps, those of the training split first, and each has its camera."""
    cameras, clips = manifest["cameras"], manifest["sequences"]
    _require(
        isinstance(cameras, dict) and all(_is_list_of(dict, rig) for rig in cameras.values()), "there are no cameras"
    )
    for rig in cameras.values():
        for camera in rig:
            Camera(**camera)
    _require(_is_list_of(dict, clips) and clips, "there are no clips")
    start, frames = 0, {"train": 0, "test": 0}
    for clip in clips:
        fields = set(clip) - {"first_frame"}  # which earlier versions did not write
        _require(fields == {"subject", "take", "camera", "split", "start", "length"}, "a clip has other fields")
        _require(_is_size(clip.get("first_frame", 0)), "the first frame of a clip is no frame")
        texts = isinstance(clip["subject"], str) and isinstance(clip["take"], str) and isinstance(clip["split"], str)
        _require(texts and clip["split"] in frames, "a clip has no subject, take or split")
        _require(clip["split"] == "test" or not frames["test"], "a training clip follows a test clip")
        _require(_is_size(clip["length"]) and clip["length"] > 0, "a clip has no length")
        _require(type(clip["start"]) is int and clip["start"] == start, "the clips do not follow one another")
        rig = cameras.get(clip["subject"], ())
        _require(_is_size(clip["camera"]) and clip["camera"] < len(rig), "a clip has no camera")
        start += clip["length"]
        frames[clip["split"]] += clip["length"]
    _require(start <= _MAX_FRAMES, f"{start} frames are too many")
    _require(manifest["frames"] == frames, "the numbers of frames do not fit the clips")


def _check_places(manifest: Mapping[str, Any]) -> None:
    if "frames_from" in manifest:
        source = manifest["frames_from"]
        ends = (start + clip["length"] for start, clip in zip(source["starts"], manifest["sequences"]))
        _require(all(end <= source["frames"] for end in ends), "a clip is not among the frames")


def _check_body_size(manifest: Mapping[str, Any]) -> None:
    size = manifest["body_size"]
    if size is None:
        return
    joints = len(manifest["skeleton"]["joint_names"])
    _require(isinstance(size, dict) and set(size) == {"bones", "lengths_m", "scale"}, "body_size has other fields")
    _require(_is_list_of(list, size["bones"]) and isinstance(size["lengths_m"], list), "body_size has no bones")
    for bone in size["bones"]:
        _require(
            len(bone) == 2 and all(_is_size(joint) and joint < joints for joint in bone), "a bone has no two joints"
        )
    positive = all(_is_number(value) and value >= 0 for value in (*size["lengths_m"], size["scale"]))
    _require(positive and len(size["lengths_m"]) == len(size["bones"]), "the lengths of the bones are no lengths")


def _check_files(manifest: Mapping[str, Any]) -> None:
    files = manifest["files"]
    _require(isinstance(files, dict), "the manifest lists no files")
    for name, entry in files.items():
        _require(_FILE.fullmatch(name) is not None, f"{name!r:.80} is not the name of a file of a stage")
        _require(
            isinstance(entry, dict) and _is_size(entry["bytes"]) and _is_hash(entry["sha256"]),
            f"{name}: no size or hash",
        )
    for name, shape in array_shapes(manifest).items():
        zeros = "/0" * (len(shape) - 1)
        chunks = -(-shape[0] // CHUNK_FRAMES)
        _require(chunks <= len(files), f"files of {name} are missing in the manifest")
        wanted = (f"{name}/zarr.json", *(f"{name}/c/{index}{zeros}" for index in range(chunks)))
        _require(all(file in files for file in wanted), f"files of {name} are missing in the manifest")
    _require("zarr.json" in files, "zarr.json is missing in the manifest")


def array_shapes(manifest: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a stage: N frames first."""
    shared = manifest.get("frames_from")
    frames = shared["frames"] if shared else sum(manifest["frames"].values())
    joints = len(manifest["skeleton"]["joint_names"])
    shapes = {
        "pose_2d": (frames, joints, 2),
        "pose_3d": (frames, joints, 3),
        "norm_parameters": (frames, len(manifest["norm_parameters"])),
        "root_cam_m": (frames, 3),
        SEEN: (frames, len(manifest.get("seen_joints", ())), 2),
    }
    return {name: shapes[name] for name in manifest["arrays"]}


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two manifests describe the same stage, whenever and from whatever folder it was made."""
    return _content(one) == _content(other)


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("created", "srnet_version", "windows", _DIGEST)
    content = {name: value for name, value in manifest.items() if name not in left_out}
    content["config"] = {name: value for name, value in manifest["config"].items() if name not in WITHOUT_INFLUENCE}
    return content


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)
