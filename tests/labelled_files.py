"""Writes what tools for labelling images export: labelme, VIA, Label Studio, CVAT."""

import csv
import json
from pathlib import Path

import numpy as np
from figure_making import SIZE_PX, json_file, person

from srnet_core.layouts import get_layout

WIDTH, HEIGHT = SIZE_PX
NAMES = get_layout("coco17").joints


def image(frame: int) -> str:
    return f"walk_{frame:04d}.jpg"


def labelme_shapes(points: np.ndarray, group: int | None = None, names=NAMES) -> list[dict]:
    made = [
        {"label": str(n), "points": [[float(x), float(y)]], "group_id": group, "shape_type": "point", "flags": {}}
        for n, (x, y, _) in zip(names, points)
    ]
    corners = [points[:, :2].min(axis=0).tolist(), points[:, :2].max(axis=0).tolist()]
    box = {"label": "person", "points": corners, "group_id": group, "shape_type": "rectangle", "flags": {}}
    return made if group is None else [box, *made]


def labelme_folder(path: Path, frames: list[list[dict]]) -> Path:
    path.mkdir()
    for i, shapes in enumerate(frames):
        about = {"imagePath": image(i), "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}
        text = json.dumps({"version": "5.3.1", "flags": {}, "shapes": shapes, **about})
        (path / image(i)).with_suffix(".json").write_text(text)
    return path


def labelme(path: Path):
    return labelme_folder(path, [labelme_shapes(p) for p in person("coco17")])


def labelme_numbers(path: Path):
    """Joints by number, people by group."""
    return labelme_folder(path, [labelme_shapes(p, 3, range(17)) for p in person("coco17")])


def _via_regions(points: np.ndarray) -> list[dict]:
    return [
        {"shape_attributes": {"name": "point", "cx": float(x), "cy": float(y)}, "region_attributes": {"joint": n}}
        for n, (x, y, _) in zip(NAMES, points)
    ]


def via(path: Path):
    images = {
        f"{image(i)}{1000 + i}": {"filename": image(i), "size": 1000 + i, "regions": _via_regions(p)}
        for i, p in enumerate(person("coco17"))
    }
    return json_file(path, {"_via_settings": {}, "_via_img_metadata": images, "_via_attributes": {}})


def via_csv(path: Path):
    path = path.with_suffix(".csv")
    head = ("filename", "file_size", "file_attributes", "region_count", "region_id")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*head, "region_shape_attributes", "region_attributes"])
        for i, points in enumerate(person("coco17")):
            for k, region in enumerate(_via_regions(points)):
                cells = [json.dumps(region[key]) for key in ("shape_attributes", "region_attributes")]
                table.writerow([image(i), 1000, "{}", 17, k, *cells])
    return path


def studio_value(name: str, x: float, y: float) -> dict:
    return {"x": 100 * x / WIDTH, "y": 100 * y / HEIGHT, "width": 0.5, "keypointlabels": [name]}


_STUDIO_SIZE = {"original_width": WIDTH, "original_height": HEIGHT}


def label_studio(path: Path):
    tasks = []
    for i, points in enumerate(person("coco17")):
        result = [
            {**_STUDIO_SIZE, "value": studio_value(n, x, y), "type": "keypointlabels", "from_name": "kp", "id": f"{n}"}
            for n, (x, y, _) in zip(NAMES, points.tolist())
        ]
        data = {"img": f"/data/upload/1/a1b2c3d4-{image(i)}"}
        tasks.append({"id": 100 + i, "annotations": [{"id": i, "result": result}], "data": data})
    return json_file(path, tasks)


def label_studio_min(path: Path):
    tasks = []
    for i, points in enumerate(person("coco17")):
        values = [{**studio_value(n, x, y), **_STUDIO_SIZE} for n, (x, y, _) in zip(NAMES, points.tolist())]
        tasks.append({"img": f"/data/upload/1/a1b2c3d4-{image(i)}", "id": 100 + i, "kp": values, "annotator": 1})
    return json_file(path, tasks)


def cvat_file(path: Path, body: list[str]) -> Path:
    path = path.with_suffix(".xml")
    about = f"<meta><task><original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size></task></meta>"
    lines = ["<?xml version='1.0' encoding='utf-8'?>", f"<annotations><version>1.1</version>{about}", *body]
    path.write_text("\n".join([*lines, "</annotations>"]))
    return path


def cvat_points(points: np.ndarray) -> str:
    made = (f'<points label="{n}" outside="0" occluded="0" points="{x},{y}"/>' for n, (x, y, _) in zip(NAMES, points))
    return "".join(made)


def cvat_images(path: Path):
    return cvat_file(
        path,
        [
            f'<image id="{i}" name="{image(i)}" width="{WIDTH}" height="{HEIGHT}"><skeleton label="person">'
            f"{cvat_points(p)}</skeleton></image>"
            for i, p in enumerate(person("coco17"))
        ],
    )


def cvat_video(path: Path):
    frames = [f'<skeleton frame="{i}" keyframe="1">{cvat_points(p)}</skeleton>' for i, p in enumerate(person("coco17"))]
    return cvat_file(path, ['<track id="4" label="person">', *frames, "</track>"])


def cvat_bare_points(path: Path):
    """All joints of a person in one element, without names."""
    images = []
    for i, points in enumerate(person("coco17")):
        places = ";".join(f"{x},{y}" for x, y, _ in points)
        attributes = f'id="{i}" name="{image(i)}" width="{WIDTH}" height="{HEIGHT}"'
        images.append(f'<image {attributes}><points label="person" points="{places}"/></image>')
    return cvat_file(path, images)


LABELLED = {
    "labelme": (labelme, "labelme", "coco17", 17, "px"),
    "labelme numbers": (labelme_numbers, "labelme", "coco17", 17, "px"),
    "via": (via, "via", "coco17", 17, "px"),
    "via csv": (via_csv, "via", "coco17", 17, "px"),
    "label studio": (label_studio, "label_studio", "coco17", 17, "normalized"),
    "label studio min": (label_studio_min, "label_studio", "coco17", 17, "normalized"),
    "cvat images": (cvat_images, "cvat", "coco17", 17, "px"),
    "cvat video": (cvat_video, "cvat", "coco17", 17, "px"),
    "cvat points": (cvat_bare_points, "cvat", "coco17", 17, "px"),
}
