"""A marker set for OpenSim: the joints of Human3.6M as markers of Pose2Sim's full-body model, and their names.

The markers lie at the joint centres of `Model_Pose2Sim_simple.osim` (origins of its bodies, asked from OpenSim 4.6);
nose, top of the head and neck are placed by hand at the places that Human3.6M's joints of these names have on a body.
The names are those of Pose2Sim's own marker files, so that its scaling and inverse kinematics setups find them.
"""

from typing import IO
from xml.sax.saxutils import escape

# joint of Human3.6M -> marker; Spine has no marker in Pose2Sim's setups and keeps its name
MARKERS = {
    "Hip": "Hip",
    "RHip": "RHip",
    "RKnee": "RKnee",
    "RFoot": "RAnkle",
    "LHip": "LHip",
    "LKnee": "LKnee",
    "LFoot": "LAnkle",
    "Thorax": "Neck",
    "Neck/Nose": "Nose",
    "Head": "Head",
    "LShoulder": "LShoulder",
    "LElbow": "LElbow",
    "LWrist": "LWrist",
    "RShoulder": "RShoulder",
    "RElbow": "RElbow",
    "RWrist": "RWrist",
}
# marker -> body of the model, and metres in its axes (x forward, y up, z to the right); {s} is l or r
_MIDDLE = {
    "Hip": ("pelvis", (-0.0707, -0.0661, 0.0)),
    "Neck": ("torso", (-0.01, 0.41, 0.0)),
    "Nose": ("head", (0.105, 0.01, 0.0)),
    "Head": ("head", (0.016, 0.17, 0.0)),
}
_SIDES = {
    "Hip": ("pelvis", (-0.0707, -0.0661, 0.0835)),
    "Knee": ("femur_{s}", (0.0, -0.3974, -0.0013)),
    "Ankle": ("tibia_{s}", (0.0, -0.43, 0.0)),
    "Shoulder": ("torso", (0.0032, 0.3715, 0.17)),
    "Elbow": ("humerus_{s}", (0.0131, -0.2927, 0.0035)),
    "Wrist": ("radius_{s}", (-0.0088, -0.2358, 0.0136)),
}


def write_markers(file: IO[bytes], *, about: str = "") -> None:
    """Write the marker set (.xml) for Pose2Sim's model.

    Args:
        file: open for writing bytes.
        about: one sentence for the comment at its beginning.
    """
    markers = [(name, body, place) for name, (body, place) in _MIDDLE.items()]
    for side, mirror in (("R", 1.0), ("L", -1.0)):
        markers += [
            (f"{side}{name}", body.format(s=side.lower()), (x, y, mirror * z))
            for name, (body, (x, y, z)) in _SIDES.items()
        ]
    lines = ['<?xml version="1.0" encoding="UTF-8" ?>', '<OpenSimDocument Version="40000">']
    if about:
        lines.append(f"\t<!-- {escape(about).replace('--', '- ')} -->")
    lines += ['\t<MarkerSet name="markerset">', "\t\t<objects>"]
    for name, body, place in markers:
        lines += [
            f'\t\t\t<Marker name="{name}">',
            f"\t\t\t\t<socket_parent_frame>/bodyset/{body}</socket_parent_frame>",
            f"\t\t\t\t<location>{' '.join(f'{value:.4f}' for value in place)}</location>",
            "\t\t\t\t<fixed>true</fixed>",
            "\t\t\t</Marker>",
        ]
    lines += ["\t\t</objects>", "\t\t<groups />", "\t</MarkerSet>", "</OpenSimDocument>"]
    file.write(("\n".join(lines) + "\n").encode())
