"""Writes what programs for depth cameras save: skeletons of Nuitrack, and the texts of Kinect's first data sets."""

import json
from pathlib import Path

import numpy as np
from figure_making import FRAMES, SIZE_PX, json_file, person

from srnet_core.layouts import Layout, get_layout
from srnet_core.layouts.parts import FIGURE_M

NUITRACK = get_layout("nuitrack25")
NOT_TRACKED = (0, 10, 16, 20, 24)  # none, fingertips, feet


def in_space(layout: Layout, frame: int, *, x_m: float = 0.0) -> np.ndarray:
    """(J, 3) metres, y up, 2.5 m before the camera: the figure, which walks to the right."""
    figure = np.array([FIGURE_M.get(part, (0.0, 1.6, 0.1)) for part in layout.parts])
    walk = 0.01 * frame + 0.02 * np.sin(frame + np.arange(len(figure)))
    return np.stack([figure[:, 0] + x_m + walk, figure[:, 1] - 0.9, 2.5 - figure[:, 2]], axis=1)


def nuitrack_frames(*, joints=range(25), names: bool = False, size=SIZE_PX) -> list[dict]:
    """The types of Nuitrack as a C# program prints them: millimetres, fractions of the image."""
    frames = []
    for i, points in enumerate(person(NUITRACK)):
        space = 1000 * in_space(NUITRACK, i)
        listed = []
        for j in joints:
            (u, v, sure), (x, y, z) = points[j].tolist(), space[j].tolist()
            name = "".join(word.capitalize() for word in NUITRACK.joints[j].split("_"))
            listed.append(
                {
                    "Type": name if names else j,
                    "Confidence": sure,
                    "Real": {"X": x, "Y": y, "Z": z},
                    "Proj": {"X": u / size[0], "Y": v / size[1], "Z": z},
                    "Orient": {"Matrix": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
                }
            )
        frames.append(
            {"Timestamp": 33_333 * i + 7, "NumUsers": 1, "Skeletons": [{"ID": 1, "Joints": listed}]},
        )
    return frames


def nuitrack(path: Path) -> Path:
    return json_file(path, nuitrack_frames())


def nuitrack_person(frame: int, points: np.ndarray, *, scale_px=(1, 1), metres: bool = False, who: int = 1) -> dict:
    """A skeleton as SkeletonDetectorNuitrack.cpp writes it: a list of 25 joints, of which 5 are never tracked."""
    space = in_space(NUITRACK, frame) * (1 if metres else 1000)
    joints = []
    for j, (x, y, z) in enumerate(space.tolist()):
        u, v, sure = points[j].tolist()
        there = 0 if j in NOT_TRACKED else 1
        joints.append({"valid": True, "i": j, "u": there * u / scale_px[0], "v": there * v / scale_px[1]})
        joints[-1] |= {"x": there * x, "y": there * y, "z": there * z, "score": there * sure}
    return {"id": who, "valid": True, "Skeleton": joints}


def nuitrack_folder(path: Path) -> Path:
    """A file for each frame; nobody in frame 3."""
    path.mkdir()
    for i, points in enumerate(person(NUITRACK)):
        frame = None if i == 3 else [nuitrack_person(i, points, scale_px=SIZE_PX)]
        (path / f"{i}.json").write_text(json.dumps(frame))
    return path


def msr_in_image(path: Path) -> Path:
    """Pixels, depth, confidence of each joint."""
    lines = [f"{x:.6e}   {y:.6e}   1.2e+03   {c:.6e}" for joints in person("msr_action3d20") for x, y, c in joints]
    path = path.with_suffix(".txt")
    path.write_text("\n".join(lines) + "\n")
    return path


def msr_in_space(path: Path) -> Path:
    """Metres and confidence of each joint; nobody in frame 4."""
    layout = get_layout("msr_action3d20")
    lines = []
    for i in range(FRAMES):
        lines += [f"{x:.6f} {y:.6f} {z:.6f} 0.8" if i != 4 else "0 0 0 0" for x, y, z in in_space(layout, i)]
    path = path.with_suffix(".txt")
    path.write_text("\n".join(lines) + "\n")
    return path


def msr_daily(path: Path) -> Path:
    """Nobody in frame 0; below the joint in space its place in the image."""
    layout = get_layout("kinect_v1_20")
    lines = [f"{FRAMES} 20"]
    for i, points in enumerate(person(layout)):
        lines.append("0" if i == 0 else "40")
        for (x, y, z), (u, v, c) in zip(in_space(layout, i), points) if i else ():
            lines += [f"{x:.6f} {y:.6f} {z:.6f} 1", f"{u / SIZE_PX[0]:.6f} {v / SIZE_PX[1]:.6f} 2500 {c:.3f}"]
    path = path.with_suffix(".txt")
    path.write_text("\n".join(lines) + "\n")
    return path


def utkinect(path: Path) -> Path:
    """A line for each frame: its number, which goes up in steps of 2, and x, y, z of 20 joints; blanks at the end."""
    layout = get_layout("kinect_v1_20")
    rows = ["  ".join(f"{v:.6f}" for v in in_space(layout, i).reshape(-1)) for i in range(FRAMES)]
    path = path.with_suffix(".txt")
    path.write_text("".join(f"{252 + 2 * i} {row} \n" for i, row in enumerate(rows)))
    return path


# {kind: (writer, format, layout, joints, units of the places in the image)}
DEPTH_CAMERAS = {
    "nuitrack": (nuitrack, "nuitrack", "nuitrack25", 25, "normalized"),
    "msr action3d": (msr_in_image, "msr_action3d", "msr_action3d20", 20, "px"),
    "msr daily": (msr_daily, "msr_daily_activity3d", "kinect_v1_20", 20, "normalized"),
}
# the same with joints that are missing in all frames, or of joints in space only
OTHER_DEPTH_CAMERAS = {
    "nuitrack folder": (nuitrack_folder, "nuitrack", "nuitrack25", 25, "mm"),
    "msr action3d in space": (msr_in_space, "msr_action3d", "msr_action3d20", 20, "m"),
    "utkinect": (utkinect, "csv", "kinect_v1_20", 20, "m"),
}
