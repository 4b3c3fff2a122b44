"""NWB files (HDF5) with the poses of the extension ndx-pose, as DeepLabCut, SLEAP and Lightning Pose export them.

A group of the type `PoseEstimation` is one animal or person in the video of one camera. It holds a group of the type
`PoseEstimationSeries` for each joint: `data` (frames, 2 or 3), `confidence` (frames), and `timestamps` in seconds or
`starting_time` with a rate. The order of the joints stands in `nodes`, in newer files of a linked `skeleton`. Series
may have frames of their own, as sleap-io leaves those out in which a joint is missing. Containers of the same video
are people of one recording. Sources: rly/ndx-pose (spec, src/pynwb/ndx_pose/pose.py), talmolab/sleap
(sleap/io/format/ndx_pose.py), talmolab/sleap-io (sleap_io/io/nwb.py), DeepLabCut/DLC2NWB (dlc2nwb/utils.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layout_of_names
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import MAGIC, SafeGroup, open_hdf5
from srnet_core.readers._rates import rate_of_times
from srnet_core.readers.detections import MOST_PEOPLE, MOST_VALUES, Detections, ReadOptions, image_size
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

FORMAT = "nwb"
_CONTAINER, _SERIES = "PoseEstimation", "PoseEstimationSeries"
_MOST_LEVELS, _MOST_CONTAINERS, _MOST_JOINTS = 4, MOST_PEOPLE, 1_000
_UNITS = {"meters": "m", "meter": "m", "m": "m", "millimeters": "mm", "mm": "mm", "centimeters": "cm", "cm": "cm"}
_MOST_NUMBER = 2**53
_COUNTED = 1.0  # seconds between times that count the frames


@dataclass(frozen=True)
class _Container:
    """One animal or person: `joints` {name: (times (N,), points (N, 2 or 3), confidences (N,) or none)}."""

    name: str
    video: str
    joints: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray | None]]
    size: tuple[int, int] | None
    unit: str
    rate: float | None

    @property
    def is_3d(self) -> bool:
        return next(iter(self.joints.values()))[1].shape[1] == 3


def sniff(head: Head) -> float:
    if head.is_folder or not head.start.startswith(MAGIC):
        return 0.0
    with open_hdf5(head.path) as root:
        return 0.9 if root.attribute("nwb_version") is not None or "NWBFile" in _type(root) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """A sequence for each video, with a track for each container.

    Raises:
        BadFileError: it has no poses, or poses in space.
    """
    containers = _containers(head)
    if containers[0].is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    videos = _by_video(containers)
    return [_detections(people, head, video if len(videos) > 1 else "") for video, people in videos.items()]


def describe(head: Head) -> dict | None:
    """What a file of points in space holds; `None` for 2D, which `read` reads."""
    motions_ = motions(head)
    if motions_ is None:
        return None
    first = next(iter(motions_.values()))
    layout = layout_of_names(first.names)
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout.name if layout else None,
        frames=first.frames,
        people=len(motions_),
        joints=len(first.names),
        fps=first.fps,
        units=first.units,
        joint_names=first.names,
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{container: motion} of a file of points in space; `None` for 2D."""
    containers = _containers(head)
    if not containers[0].is_3d:
        return None
    found = {}
    for one in containers:
        if not one.is_3d:
            continue
        times, values, _ = _on_one_axis([one], tuple(one.joints), 3, head)
        unit = _UNITS.get(one.unit.lower())
        metres = METRES_PER_UNIT.get(unit) if unit else None
        fps = one.rate or _rate(times)
        found[one.name] = Motion(FORMAT, tuple(one.joints), None, values[:, 0], fps, unit, metres)
    return found if len(found) > 1 else {"": next(iter(found.values()))}


# From the groups of the file


def _containers(head: Head) -> list[_Container]:
    with open_hdf5(head.path) as root:
        found = [_container(name, group, head) for name, group in _groups(root)]
    found = [one for one in found if one.joints]
    if not found:
        raise BadFileError(
            "is an NWB file without poses of ndx-pose (PoseEstimation)",
            where=head.path,
            todo="Give the table that it was made from, or save the keypoints with numpy.savez",
        )
    return found


def _type(group: SafeGroup) -> str:
    value = group.attribute("neurodata_type")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _groups(root: SafeGroup, level: int = 0, name: str = "") -> Iterator[tuple[str, SafeGroup]]:
    """The containers with poses, a few levels below the root, under their names."""
    left = _MOST_CONTAINERS
    for inside in root.names():
        if not root.is_group(inside):
            continue
        group = root.group(inside)
        if _type(group) == _CONTAINER:
            left -= 1
            if left < 0:
                raise BadFileError(f"has more than {_MOST_CONTAINERS} containers of poses")
            yield inside, group
        elif level < _MOST_LEVELS:
            yield from _groups(group, level + 1, inside)


def _container(name: str, group: SafeGroup, head: Head) -> _Container:
    series = [inside for inside in group.names() if group.is_group(inside) and _type(group.group(inside)) == _SERIES]
    if len(series) > _MOST_JOINTS:
        raise BadFileError(f"{name[:60]!a} has {len(series)} joints", where=head.path)
    order = [node for node in _nodes(group) if node in series]
    joints = {node: _series(group, node, head) for node in (*order, *(s for s in series if s not in order))}
    widths = {points.shape[1] for _, points, _ in joints.values()}
    if len(widths) > 1:
        raise BadFileError(f"{name[:60]!a} has joints in 2D and in 3D", where=head.path)
    software = _text(group, "source_software")
    first = group.group(next(iter(joints))) if joints else group
    return _Container(
        name=name[:80],
        video=_video(group) or name[:80],
        joints=_without_the_animal(joints, software),
        size=_size(group, software),
        unit=_unit(first),
        rate=_stated_rate(first),
    )


def _nodes(group: SafeGroup) -> list[str]:
    if group.is_dataset("nodes"):
        return group.strings("nodes")
    owner, name = group.followed("skeleton")
    if owner is None or not owner.is_group(name) or not owner.group(name).is_dataset("nodes"):
        return []
    return owner.group(name).strings("nodes")


def _series(group: SafeGroup, name: str, head: Head) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    one = group.group(name)
    data = np.asarray(one.array("data"))
    if data.ndim != 2 or data.shape[1] not in (2, 3) or data.dtype.kind not in "fiu":
        raise BadFileError(f"the data of {name[:60]!a} have shape {data.shape}, not (frames, 2 or 3)", where=head.path)
    scale = one.attributes_of("data").attribute("conversion")
    points = data.astype(np.float64)
    if isinstance(scale, (int, float, np.number)) and np.isfinite(scale) and scale > 0:
        points = points * float(scale)
    owner, at = one.followed("timestamps")
    times = np.asarray(owner.array(at)) if owner is not None and owner.is_dataset(at) else np.arange(len(data))
    scores = np.asarray(one.array("confidence")) if one.is_dataset("confidence") else None
    for what, values in (("timestamps", times), ("confidence", scores)):
        if values is not None and (values.shape != (len(data),) or values.dtype.kind not in "fiu"):
            raise BadFileError(f"the {what} of {name[:60]!a} do not fit its {len(data)} frames", where=head.path)
    times = times.astype(np.float64)
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise BadFileError(f"the times of {name[:60]!a} do not go up", where=head.path)
    return times, points, None if scores is None else scores.astype(np.float64)


def _without_the_animal(joints: dict, software: str) -> dict:
    """Joints under their own names: DeepLabCut's export puts the animal before each, e.g. "ind1_nose"."""
    animals = {name.partition("_")[0] for name in joints}
    if "deeplabcut" not in software.lower() or len(animals) != 1 or len(joints) < 2:
        return joints
    bare = {name.partition("_")[2]: values for name, values in joints.items()}
    return bare if len(bare) == len(joints) and all(bare) else joints


def _text(group: SafeGroup, name: str) -> str:
    return group.text(name) if group.is_dataset(name) else ""


def _video(group: SafeGroup) -> str:
    """What tells the video of a container: the file that it names, or the object that it links to."""
    for name in ("original_videos", "labeled_videos"):
        if group.is_dataset(name) and len(group.shape(name)) == 1 and (paths := group.strings(name)):
            return paths[0].replace("\\", "/").rpartition("/")[2][:80]
    return next((target[:80] for name in ("source_video", "device") if (target := group.target(name))), "")


def _size(group: SafeGroup, software: str) -> tuple[int, int] | None:
    """(width, height) as the form has them; SLEAP writes the height first."""
    if not group.is_dataset("dimensions") or group.shape("dimensions")[:1] != (1,):
        return None
    sides = np.asarray(group.array("dimensions")).reshape(-1)
    if len(sides) != 2 or sides.dtype.kind not in "iu":
        return None
    first, second = (int(side) for side in sides)
    return image_size(second, first) if "sleap" in software.lower() else image_size(first, second)


def _unit(series: SafeGroup) -> str:
    value = series.attributes_of("data").attribute("unit") if series.is_dataset("data") else None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _stated_rate(series: SafeGroup) -> float | None:
    if not series.is_dataset("starting_time"):
        return None
    rate = series.attributes_of("starting_time").attribute("rate")
    return float(rate) if isinstance(rate, (int, float, np.number)) and np.isfinite(rate) and rate > 0 else None


# From containers to people


def _by_video(containers: list[_Container]) -> dict[str, list[_Container]]:
    videos: dict[str, list[_Container]] = {}
    for one in containers:
        if not one.is_3d:
            videos.setdefault(one.video, []).append(one)
    return videos


def _on_one_axis(
    people: list[_Container], names: tuple[str, ...], width: int, head: Head
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (T,), points (T, people, joints, width) and confidences (T, people, joints) of series with own frames."""
    times = np.unique(np.concatenate([series[0] for one in people for series in one.joints.values()]))
    if len(times) * len(people) * len(names) * width > MOST_VALUES // 8:
        raise BadFileError(f"has {len(times)} frames, {len(people)} people and {len(names)} joints", where=head.path)
    values = np.full((len(times), len(people), len(names), width), np.nan)
    scores = np.zeros(values.shape[:3])
    for place, one in enumerate(people):
        for joint, name in enumerate(names):
            if name in one.joints:
                at, points, confidence = one.joints[name]
                rows = np.searchsorted(times, at)
                values[rows, place, joint] = points
                scores[rows, place, joint] = 1.0 if confidence is None else confidence
    return times, values, scores


def _rate(times: np.ndarray) -> float | None:
    """Frames per second; `None` where the times count the frames, as tools write them that do not know the rate."""
    if len(times) < 2 or (np.diff(times) % _COUNTED == 0).all():
        return None
    return rate_of_times(times)


def _numbers(times: np.ndarray, fps: float | None) -> list[int]:
    """The numbers of the frames: their times at the frame rate, or the times themselves where these count frames."""
    scale = fps if fps is not None else 1.0 if (times >= 0).all() and (times % _COUNTED == 0).all() else None
    if scale is None:
        return list(range(len(times)))
    numbers = np.round((times - (times[0] if fps is not None else 0.0)) * scale)
    whole = np.abs(numbers).max(initial=0) < _MOST_NUMBER and len(np.unique(numbers)) == len(numbers)
    return numbers.astype(np.int64).tolist() if whole else list(range(len(times)))


def _detections(people: list[_Container], head: Head, video: str) -> Detections:
    names = tuple(dict.fromkeys(name for one in people for name in one.joints))
    times, values, scores = _on_one_axis(people, names, 2, head)
    fps = people[0].rate or _rate(times)
    gathering = Gathering(head.path)
    for row, number in enumerate(_numbers(times, fps)):
        gathering.frame(number)
        for place, one in enumerate(people):
            if np.isfinite(values[row, place]).any():
                person = np.concatenate([values[row, place], scores[row, place][:, None]], axis=-1)
                gathering.person(number, person.reshape(-1), identity=one.name)
    return gathering.build(
        FORMAT,
        joint_names=tuple(name[:80] for name in names),
        fps=fps,
        image_size=people[0].size,
        sequence=video,
        zero_is_missing=False,
    )
