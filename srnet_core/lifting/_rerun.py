"""Lifted people as a recording for the Rerun viewer. Needs the extra `rerun`."""

import json
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from srnet_core.errors import require_extra
from srnet_core.files import without_nan
from srnet_core.lifting._tables import about
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople

_SIDES = {"left": (220, 90, 60), "right": (50, 110, 200), "middle": (120, 120, 120)}


def write_rrd(file: IO[bytes], people: LiftedPeople) -> None:
    """Joints and bones of everybody on the timelines "frame" and "time", keypoints in an image plane, and notes."""
    rerun: Any = require_extra("rerun", "rerun")
    skeleton = people.skeleton
    left, right = set(skeleton.left_indices), set(skeleton.right_indices)
    side = ["left" if j in left else "right" if j in right else "middle" for j in range(skeleton.num_joints)]
    colors = [_SIDES[s] for s in side]
    bones = np.array(skeleton.bones)
    bone_colors = [colors[child] for _, child in skeleton.bones]
    up = rerun.ViewCoordinates.RIGHT_HAND_Z_UP if people.frame == "world" else rerun.ViewCoordinates.RDF
    with tempfile.TemporaryDirectory() as folder, rerun.RecordingStream("srnet_lift") as recording:
        path = Path(folder) / "people.rrd"
        recording.save(str(path))
        told = json.dumps(without_nan(about(people)), allow_nan=False, indent=1)
        recording.log("about", rerun.TextDocument(told), static=True)
        recording.log("world", up, static=True)
        numbers = people.frame_numbers
        placed = [(person, person.lifted, person.placed_m) for person in people.people]
        for index, number in enumerate(numbers):
            recording.set_time("frame", sequence=int(number))
            recording.set_time("time", duration=float(number - numbers[0]) / (people.fps or ASSUMED_FPS))
            for person, lifted, placed_m in placed:
                entity = f"world/person_{person.name}"
                if not lifted[index]:
                    recording.log(entity, rerun.Clear(recursive=True))
                    continue
                points = placed_m[index]
                recording.log(
                    f"{entity}/joints",
                    rerun.Points3D(points, colors=colors, radii=0.02, labels=skeleton.joint_names, show_labels=False),
                )
                recording.log(f"{entity}/bones", rerun.LineStrips3D(points[bones], colors=bone_colors, radii=0.012))
                recording.log(f"image/person_{person.name}", rerun.Points2D(person.keypoints_px[index], colors=colors))
        recording.flush()
        recording.disconnect()
        file.write(path.read_bytes())
