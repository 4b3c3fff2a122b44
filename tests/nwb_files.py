"""NWB files with poses, in the form of ndx-pose, of people that are made up here."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from figure_making import FRAMES, person

from srnet_core.layouts import get_layout

FPS = 30.0


def write_nwb(
    path: Path,
    people: Mapping[str, np.ndarray],
    names: tuple[str, ...],
    *,
    software: str = "DeepLabCut",
    before: str = "",
    linked: bool = False,
    videos: Mapping[str, str] | None = None,
    dimensions: tuple[int, int] | None = (640, 480),
    times: np.ndarray | None = None,
    rate: float | None = None,
    unit: str = "pixels",
) -> Path:
    """A container for each of `people`, (T, J, 3) x, y, confidence, or x, y, z in a unit of length.

    Args:
        before: what the names of the joints begin with in the file.
        linked: the skeleton and the times of all joints but one are links, as pynwb writes what is shared.
    """
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"], file.attrs["neurodata_type"] = "2.6.0", "NWBFile"
        file.create_group("general/devices/camera1").attrs["neurodata_type"] = "Device"
        module = file.create_group("processing/behavior")
        for name, points in people.items():
            group = module.create_group(name)
            group.attrs["neurodata_type"] = "PoseEstimation"
            group["source_software"] = software
            group["original_videos"] = np.array([(videos or {}).get(name, "walk.mp4")], dtype=text)
            group["camera1"] = h5py.SoftLink("/general/devices/camera1")
            if dimensions:
                group["dimensions"] = np.array([dimensions], np.uint16)
            nodes = np.array([before + joint for joint in names], dtype=text)
            if linked:
                file[f"processing/behavior/Skeletons/{name}/nodes"] = nodes
                group["skeleton"] = h5py.SoftLink(f"/processing/behavior/Skeletons/{name}")
            else:
                group["nodes"] = nodes
            shared = None
            for joint in sorted(range(len(names)), key=lambda at: names[at]):  # HDF5 lists members by name
                series = group.create_group(before + names[joint])
                series.attrs["neurodata_type"] = "PoseEstimationSeries"
                series["data"] = points[:, joint, : 2 if unit == "pixels" else 3]
                series["data"].attrs["unit"], series["data"].attrs["conversion"] = unit, 1.0
                if unit == "pixels":
                    series["confidence"] = points[:, joint, 2]
                if rate is not None:
                    series["starting_time"] = 0.0
                    series["starting_time"].attrs["rate"] = rate
                elif linked and shared:
                    series["timestamps"] = h5py.SoftLink(f"{shared}/timestamps")
                else:
                    series["timestamps"] = np.arange(len(points)) / FPS if times is None else times
                    shared = series.name
    return path


def nwb(path: Path) -> Path:
    """As DeepLabCut exports one animal."""
    return write_nwb(path, {"PoseEstimation": person("coco17")}, get_layout("coco17").joints, before="ind1_")


def nwb_linked(path: Path) -> Path:
    """Version 0.2 of the form, with times that count the frames, as SLEAP writes them."""
    counted = np.arange(FRAMES, dtype=float)
    names = get_layout("coco17").joints
    return write_nwb(path, {"track000": person("coco17")}, names, linked=True, software="SLEAP", times=counted)


NWB = {
    "nwb": (nwb, "nwb", "coco17", 17, "px"),
    "nwb linked": (nwb_linked, "nwb", "coco17", 17, "px"),
}
