"""Keypoints in the forms of other tools: what `read_keypoints` reads, written.

Missing joints are written as each form has them. What a form cannot hold is lost; docs/data.md says what.
"""

import csv
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write, fsync_folder, require_folder, require_output
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.lookup import choose

_DATASET_NAMES = {"h36m17": "h36m", "coco17": "coco"}  # as VideoPose3D's files name layouts
_FARTHEST_IN_YOLO = 2.0  # image sizes from the middle; readers take more for another kind of file
_ENDINGS = {".csv": "csv", ".npz": "npz", ".npy": "npy", ".trc": "trc"}


@dataclass(frozen=True)
class Writer:
    """A form that is written.

    Attributes:
        one_person: it holds one person only.
        folder: it is a folder with a file per frame.
        several: it holds several sequences.
    """

    write: Callable[[Sequence[Keypoints], Path], None]
    one_person: bool = False
    folder: bool = False
    several: bool = False


def write_keypoints(
    sequences: Sequence[Keypoints], path: str | Path, format: str = "auto", *, replace: bool = False
) -> str:
    """Write keypoints; returns the name of the format. Nothing is left half-written.

    Args:
        sequences: one; several only for formats that hold several.
        format: a name in `WRITERS`; "auto" for that of the ending .csv, .npz, .npy or .trc.
        replace: replace a folder that is there already.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: the format cannot be told from the ending, or cannot hold these keypoints; the message says what
            to do.
        OSError: the disk.
    """
    path = Path(path)
    name = format_to_write(path, format)
    writer = WRITERS[name]
    if not sequences:
        raise ConfigError("there are no keypoints to write")
    if len(sequences) > 1 and not writer.several:
        raise ConfigError(
            f"the format {name} holds one sequence, and there are {len(sequences)}",
            where=path,
            todo="Choose one with --sequence, or write videopose3d",
        )
    people = max(len(one.tracks) for one in sequences)
    if people > 1 and writer.one_person:
        raise ConfigError(
            f"the format {name} holds one person, and there are {people}",
            where=path,
            todo="Choose one with --person, e.g. --person 0 for the one who is seen most",
        )
    if not people:
        raise ConfigError("nobody is in any frame: there is nothing to write", where=sequences[0].source)
    if writer.folder:
        _write_folder(writer, sequences, path, replace)
    else:
        require_output(path)
        writer.write(sequences, path)
    return name


def format_to_write(path: str | Path, format: str = "auto") -> str:
    """The format to write: the one named, else that of the ending.

    Raises:
        UnknownNameError: there is no writer of that name.
        ConfigError: the ending does not tell.
    """
    if format != "auto":
        name = format.lower().replace("-", "_")
        return choose("format to write", _ALIASES.get(name, name), sorted(WRITERS))
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise ConfigError(
            f"the ending {ending!r} does not tell the format" if ending else "a folder does not tell the format",
            where=path,
            todo=f"Say it with --to: {', '.join(sorted(WRITERS))}",
        )
    return _ENDINGS[ending]


def _write_folder(writer: Writer, sequences: Sequence[Keypoints], path: Path, replace: bool) -> None:
    """All files in a new folder, which takes its name once it is whole."""
    if path.exists() and not path.is_dir():
        raise ConfigError("is a file, not a folder", where=path, todo="Choose another name")
    if path.exists() and any(path.iterdir()) and not replace:
        raise ConfigError("is a folder that is not empty", where=path, todo="Choose another name, or add --force")
    require_folder(path.absolute().parent, where=path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    old = path.with_name(f".{path.name}.old-{secrets.token_hex(4)}")
    try:
        made.mkdir()
        writer.write(sequences, made)
        if path.exists():
            os.rename(path, old)
        os.rename(made, path)
        fsync_folder(path.absolute().parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


# What the forms have in common


def _people(keypoints: Keypoints, frame: int) -> Iterator[tuple[int, Track]]:
    """(number from 1, track) of the people that are in a frame."""
    for number, track in enumerate(keypoints.tracks, 1):
        if not np.isnan(track.points[frame, :, 0]).all():
            yield number, track


def _rows(track: Track, frame: int) -> list[list[float]]:
    """x, y, confidence of each joint; zeros where it is missing."""
    points = np.nan_to_num(track.points[frame].astype(np.float64), nan=0.0)
    scores = np.where(np.isnan(track.points[frame, :, 0]), 0.0, track.confidence[frame].astype(np.float64))
    return [[round(x, 4), round(y, 4), round(c, 5)] for (x, y), c in zip(points.tolist(), scores.tolist())]


def _flat(rows: list[list[float]]) -> list[float]:
    return [value for row in rows for value in row]


def _box(track: Track, frame: int) -> list[float]:
    """x, y, width, height."""
    points = track.points[frame]
    seen = points[~np.isnan(points[:, 0])].astype(np.float64)
    low, high = seen.min(axis=0), seen.max(axis=0)
    return [round(float(v), 3) for v in (*low, *(high - low))]


def _has_file(keypoints: Keypoints, frame: int) -> bool:
    return keypoints.present is None or bool(keypoints.present[frame])


def _frames(keypoints: Keypoints) -> Iterator[tuple[int, int]]:
    """(index, number in the file) of the frames that the source had."""
    return ((i, int(n)) for i, n in enumerate(keypoints.frame_numbers.tolist()) if _has_file(keypoints, i))


def _pixels(keypoints: Keypoints, form: str) -> Keypoints:
    if keypoints.units != "px":
        raise ConfigError(
            f"the points are fractions of the image, and {form} holds pixels",
            where=keypoints.source,
            todo="Say the size of the image with --image-size, e.g. 1920x1080",
        )
    return keypoints


def _names(keypoints: Keypoints) -> list[str]:
    """Names of the joints that every form can hold, each once."""
    names = keypoints.joint_names or tuple(f"joint_{i}" for i in range(keypoints.num_joints))
    plain = [re.sub(r"[^\w/ ().+-]", "_", name).strip(" =+-@") or "joint" for name in names]
    return [name if plain.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(plain)]


def _write_json(path: Path, value: Any) -> None:
    with atomic_write(path, "w") as file:
        json.dump(value, file, allow_nan=False)
        file.write("\n")


# The forms


def _openpose(sequences: Sequence[Keypoints], folder: Path) -> None:
    keypoints = _pixels(sequences[0], "OpenPose's form")
    for frame, number in _frames(keypoints):
        people = []
        for person, track in _people(keypoints, frame):
            entry = {"person_id": [person], "pose_keypoints_2d": _flat(_rows(track, frame))}
            for part, values in track.extras.items():
                flat = np.nan_to_num(values[frame].astype(np.float64), nan=0.0).reshape(-1)
                entry[f"{part}_keypoints_2d"] = [round(v, 4) for v in flat.tolist()]
            people.append(entry)
        text = json.dumps({"version": 1.3, "people": people}, allow_nan=False)
        (folder / f"frame_{number:012d}_keypoints.json").write_text(text, encoding="utf-8")


def _alphapose(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = _pixels(sequences[0], "AlphaPose's form")
    people = []
    for frame, number in _frames(keypoints):
        for person, track in _people(keypoints, frame):
            rows = _rows(track, frame)
            people.append(
                {
                    "image_id": f"{number}.jpg",
                    "category_id": 1,
                    "keypoints": _flat(rows),
                    "score": round(sum(row[2] for row in rows) / len(rows), 5),
                    "box": _box(track, frame),
                    "idx": person,
                }
            )
    _write_json(path, people)


def _coco(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = _pixels(sequences[0], "COCO's form")
    size = dict(zip(("width", "height"), keypoints.image_size)) if keypoints.image_size else {}
    flags = all(np.isin(track.confidence, (0, 1)).all() for track in keypoints.tracks)
    images: list[dict] = []
    annotations: list[dict] = []
    for frame, number in _frames(keypoints):
        images.append({"id": number, "frame_id": number, "file_name": f"{number:012d}.jpg", **size})
        for person, track in _people(keypoints, frame):
            rows = [[x, y, 2 * c if flags else c] for x, y, c in _rows(track, frame)]
            box = _box(track, frame)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "track_id": person,
                    "keypoints": _flat(rows),
                    "num_keypoints": sum(row[2] > 0 for row in rows),
                    "bbox": box,
                    "area": round(box[2] * box[3], 3),
                    "iscrowd": 0,
                }
            )
    bones = [[p + 1, j + 1] for p, j in keypoints.layout.bones] if keypoints.layout else []
    category = {"id": 1, "name": "person", "keypoints": _names(keypoints), "skeleton": bones}
    _write_json(path, {"images": images, "annotations": annotations, "categories": [category]})


def _mmpose(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = _pixels(sequences[0], "MMPose's form")
    names = _names(keypoints)
    frames = []
    for frame, number in _frames(keypoints):
        instances = []
        for person, track in _people(keypoints, frame):
            rows = _rows(track, frame)
            x, y, width, height = _box(track, frame)
            instances.append(
                {
                    "keypoints": [row[:2] for row in rows],
                    "keypoint_scores": [row[2] for row in rows],
                    "bbox": [[x, y, x + width, y + height]],
                    "track_id": person,
                }
            )
        frames.append({"frame_id": number, "instances": instances})
    meta = {
        "dataset_name": keypoints.layout.name if keypoints.layout else "unknown",
        "num_keypoints": len(names),
        "keypoint_id2name": {str(i): name for i, name in enumerate(names)},
        "keypoint_name2id": {name: i for i, name in enumerate(names)},
        "skeleton_links": [list(bone) for bone in keypoints.layout.bones] if keypoints.layout else [],
    }
    _write_json(path, {"meta_info": meta, "instance_info": frames})


def _stgcn(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = sequences[0]
    frames = []
    for frame, number in _frames(keypoints):
        skeletons = []
        for _, track in _people(keypoints, frame):
            rows = _rows(track, frame)
            skeletons.append({"pose": [v for row in rows for v in row[:2]], "score": [row[2] for row in rows]})
        frames.append({"frame_index": number, "skeleton": skeletons})
    _write_json(path, {"data": frames, "label": "", "label_index": -1})


def _yolo(sequences: Sequence[Keypoints], folder: Path) -> None:
    keypoints = sequences[0]
    if keypoints.units == "px" and keypoints.image_size is None:
        raise ConfigError(
            "YOLO's labels are fractions of the image, whose size is unknown",
            where=keypoints.source,
            todo="Say it with --image-size, e.g. 1920x1080",
        )
    size = np.array(keypoints.image_size if keypoints.units == "px" else (1, 1), np.float64)
    farthest = max(float(np.nanmax(np.abs(track.points / size - 0.5))) for track in keypoints.tracks)
    if farthest > _FARTHEST_IN_YOLO:
        raise ConfigError(
            f"joints lie far outside the image of {size[0]:.0f} x {size[1]:.0f} pixels",
            where=keypoints.source,
            todo="Check --image-size: width x height",
        )
    for frame, number in _frames(keypoints):
        lines = []
        for person, track in _people(keypoints, frame):
            x, y, width, height = _box(track, frame)
            box = [(x + width / 2) / size[0], (y + height / 2) / size[1], width / size[0], height / size[1]]
            values = [v for px, py, c in _rows(track, frame) for v in (px / size[0], py / size[1], min(c, 1.0))]
            score = float(np.clip(track.confidence[frame].mean(), 0, 1))
            lines.append(" ".join(["0", *(f"{v:.7g}" for v in (*box, *values)), f"{score:.4f}", f"{person}"]))
        (folder / f"frame_{number}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _videopose3d(sequences: Sequence[Keypoints], path: Path) -> None:
    """A 2D data set; sequences named "subject/take/camera N" stay under these names, with None for missing views."""
    subjects: dict[str, dict[str, list[np.ndarray | None]]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for index, keypoints in enumerate(sequences):
        _pixels(keypoints, "VideoPose3D's form")
        subject, take = _subject_and_take(keypoints, index)
        camera = re.search(r"/camera (\d{1,3})$", keypoints.sequence)
        for track in keypoints.tracks:
            many = len(keypoints.tracks) > 1
            name = f"{take} person {track.name}" if many else take
            views = subjects.setdefault(subject, {}).setdefault(name, [])
            views += [None] * (int(camera[1]) - len(views) if camera else 0)  # cameras that saw nothing keep a place
            views.append(track.points.astype(np.float32))
        if keypoints.image_size:
            sizes[subject] = dict(zip(("w", "h"), keypoints.image_size))
    layout = sequences[0].layout
    pairs = layout.mirror_pairs if layout else ()
    metadata: dict[str, Any] = {
        "layout_name": _DATASET_NAMES.get(layout.name, layout.name) if layout else "custom",
        "num_joints": sequences[0].num_joints,
        "keypoints_symmetry": [[left for left, _ in pairs], [right for _, right in pairs]],
    }
    if sizes:
        metadata["video_metadata"] = sizes
    if sequences[0].fps:
        metadata["fps"] = sequences[0].fps
    with atomic_write(path) as file:
        np.savez(file, positions_2d=np.array(subjects, object), metadata=np.array(metadata, object))


def _subject_and_take(keypoints: Keypoints, index: int) -> tuple[str, str]:
    parts = re.sub(r"/camera \d+$", "", keypoints.sequence).rsplit("/", 1)  # subjects may be named "Train/S1"
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1]
    name = parts[0] or Path(keypoints.source).name.partition(".")[0] or f"video {index + 1}"
    return name, "custom"


def _csv(sequences: Sequence[Keypoints], path: Path) -> None:
    """A row per frame and person: frame, time, and x, y, confidence of each joint; blanks where it is missing."""
    keypoints = sequences[0]
    many = len(keypoints.tracks) > 1
    heads = [f"{name}_{value}" for name in _names(keypoints) for value in ("x", "y", "confidence")]
    timed = keypoints.fps is not None and not many
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["frame", *(["time_s"] if timed else []), *(["person"] if many else []), *heads])
    for frame, number in enumerate(keypoints.frame_numbers.tolist()):
        for track in keypoints.tracks:
            gone = np.isnan(track.points[frame, :, 0])
            if many and gone.all():
                continue
            row: list[object] = [number]
            row += [f"{frame * keypoints.step / keypoints.fps:.6f}"] if timed and keypoints.fps else []
            row += [track.name] if many else []
            for (x, y, c), lost in zip(_rows(track, frame), gone.tolist()):
                row += ["", "", 0] if lost else [x, y, c]
            table.writerow(row)
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def _npz(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = sequences[0]
    points, scores = _array(keypoints)
    known: dict[str, Any] = {"joint_names": np.array(_names(keypoints))}
    if keypoints.fps:
        known["fps"] = np.float64(keypoints.fps)
    if keypoints.image_size:
        known["image_size"] = np.array(keypoints.image_size)
    with atomic_write(path) as file:
        np.savez_compressed(file, keypoints=points, scores=scores, **known)


def _npy(sequences: Sequence[Keypoints], path: Path) -> None:
    """(T, J, 3): x, y, confidence; (T, people, J, 3) where there are several."""
    points, scores = _array(sequences[0])
    scores = np.clip(scores, 0, 1)  # the third value tells 2D from 3D by being a share
    with atomic_write(path) as file:
        np.save(file, np.concatenate([points, scores[..., None]], axis=-1), allow_pickle=False)


def _array(keypoints: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    """(T, J, 2) and (T, J), with an axis of people after the first where there are several."""
    points = np.stack([track.points for track in keypoints.tracks], axis=1)
    scores = np.stack([track.confidence for track in keypoints.tracks], axis=1)
    return (points[:, 0], scores[:, 0]) if len(keypoints.tracks) == 1 else (points, scores)


def _trc(sequences: Sequence[Keypoints], path: Path) -> None:
    keypoints = _pixels(sequences[0], "a TRC file of keypoints")
    if keypoints.fps is None:
        raise ConfigError(
            "a TRC file needs the frame rate", where=keypoints.source, todo="Say it with --fps, e.g. --fps 30"
        )
    points = keypoints.tracks[0].points.astype(np.float64)
    space = np.concatenate([points, np.where(np.isnan(points[..., :1]), np.nan, 0.0)], axis=-1)
    write_trc(path, space, _names(keypoints), keypoints.fps, "px", first_frame=keypoints.first_number)


def write_trc(
    path: str | Path, positions: np.ndarray, names: Sequence[str], fps: float, units: str, *, first_frame: int = 1
) -> None:
    """A TRC file of (T, M, 3) positions; blank cells where one is missing (the format as OpenSim documents it)."""
    frames, markers = positions.shape[:2]
    clean = [re.sub(r"[\t\r\n,]", " ", name).strip() or "marker" for name in names]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{Path(path).name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{fps:.9g}\t{fps:.9g}\t{frames}\t{markers}\t{units}\t{fps:.9g}\t{first_frame}\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(clean) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(markers) for axis in "XYZ"),
        "",
    ]
    for frame in range(frames):
        cells = ["" if np.isnan(v) else f"{v:.8g}" for v in positions[frame].reshape(-1).tolist()]
        lines.append("\t".join([str(first_frame + frame), f"{frame / fps:.6f}", *cells]))
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")


WRITERS: dict[str, Writer] = {
    "openpose": Writer(_openpose, folder=True),
    "alphapose": Writer(_alphapose),
    "coco": Writer(_coco),
    "mmpose": Writer(_mmpose),
    "stgcn_json": Writer(_stgcn),
    "yolo": Writer(_yolo, folder=True),
    "videopose3d": Writer(_videopose3d, several=True),
    "trc": Writer(_trc, one_person=True),
    "csv": Writer(_csv),
    "npz": Writer(_npz),
    "npy": Writer(_npy),
}
_ALIASES = {"ultralytics": "yolo", "stgcn": "stgcn_json", "detectron": "videopose3d"}
