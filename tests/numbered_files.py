"""Writes keypoints that say their own place by number or name: joints, rows and people, in any order."""

from pathlib import Path

import numpy as np
from figure_making import json_file, person

from srnet_core.layouts import get_layout

NAMES = get_layout("coco17").joints
MIXED = (5, 3, 1, 0, 2, 4, 6, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7)  # an order of the 17 joints


def cvzone(path: Path):
    """cvzone's list of landmarks for each frame: number, x, y."""
    return json_file(path, [[[j, x, y] for j, (x, y, _) in enumerate(p.tolist())] for p in person("blazepose33")])


def numbered_array(path: Path):
    """The same as an array, with the confidence behind."""
    points = person("coco17")
    numbers = np.broadcast_to(np.arange(17.0), points.shape[:2])[..., None]
    path = path.with_suffix(".npy")
    np.save(path, np.concatenate([numbers, points], axis=-1))
    return path


def numbered_objects(path: Path):
    """Joints by their `id` in another order in every other frame."""
    frames = [
        {"frame": i, "keypoints": [{"id": j, "x": p[j][0], "y": p[j][1], "confidence": p[j][2]} for j in order]}
        for i, p in enumerate(person("coco17").tolist())
        for order in [MIXED if i % 2 else range(17)]
    ]
    return json_file(path, frames)


def named_in_any_order(path: Path):
    """Joints by name in another order in every third frame."""
    frames = [
        {"frame": i, "keypoints": [{"name": NAMES[j], "x": p[j][0], "y": p[j][1], "score": p[j][2]} for j in order]}
        for i, p in enumerate(person("coco17").tolist())
        for order in [range(17) if i % 3 else MIXED]
    ]
    return json_file(path, frames)


def csv_images(path: Path):
    """Rows by the names of images, sorted as text: img_10 before img_2."""
    rows = sorted((f"img_{i}.jpg", p.reshape(-1).tolist()) for i, p in enumerate(person("coco17"), 1))
    lines = ["image," + ",".join(f"{n} {k} (px)" if k != "c" else f"{n} [conf]" for n in NAMES for k in "xyc")]
    lines += [",".join([image, *map(str, values)]) for image, values in rows]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(lines) + "\n")
    return path


def people_first(path: Path):
    """{person: {frame: joints}}."""
    return json_file(path, {"1": {str(i): p for i, p in enumerate(person("coco17").tolist())}})


def records(path: Path):
    """A table as pandas' `to_json(orient="records")` writes it."""
    columns = [f"{n}_{k}" for n in NAMES for k in ("x", "y", "score")]
    rows = [dict(zip(columns, p.reshape(-1).tolist())) for p in person("coco17")]
    return json_file(path, [{"frame": i, **row} for i, row in enumerate(rows)])


def joints_with_frames(path: Path):
    """{joint: [its place in each frame]}."""
    points = person("coco17")
    return json_file(path, {name: points[:, j].tolist() for j, name in enumerate(NAMES)})


NUMBERED = {
    "json cvzone": (cvzone, "json", "blazepose33", 33, "px"),
    "npy numbered": (numbered_array, "npy", "coco17", 17, "px"),
    "json numbered": (numbered_objects, "json", "coco17", 17, "px"),
    "json records": (records, "json_table", "coco17", 17, "px"),
    "json joints with frames": (joints_with_frames, "json", "coco17", 17, "px"),
    "csv images": (csv_images, "csv", "coco17", 17, "px"),
    "json people first": (people_first, "json", "coco17", 17, "px"),
    "json any order": (named_in_any_order, "json", "coco17", 17, "px"),
}
