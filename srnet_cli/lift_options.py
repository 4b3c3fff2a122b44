"""The options of `srnet lift` about the video, the place of the people and smoothing."""

from pathlib import Path
from typing import Annotated

from srnet_cli.options import option

_VIDEO_PANEL, _PLACE_PANEL = "Video", "Place and smoothing"

Camera = Annotated[
    Path | None,
    option(
        "--camera",
        help="Calibration of the camera, TOML (Pose2Sim, OpenCV) or JSON; or a number, to lift live from that camera",
        metavar="FILE|N",
        default="intrinsics are estimated",
        panel=_PLACE_PANEL,
    ),
]
CameraName = Annotated[
    str | None,
    option(
        "--camera-name",
        help="Camera of the calibration",
        metavar="NAME",
        default="the one that the name of the recording tells",
        panel=_PLACE_PANEL,
    ),
]
Trajectory = Annotated[
    bool, option("--trajectory", help="Also find where the people are: the path of the root", panel=_PLACE_PANEL)
]
World = Annotated[
    bool,
    option(
        "--world", help="Put the people on the floor of a world with z up; implies --trajectory", panel=_PLACE_PANEL
    ),
]
Height = Annotated[
    float | None,
    option(
        "--height",
        help="Height of the person in metres, which the length of the path depends on",
        metavar="METRES",
        default="as the network sees it",
        panel=_PLACE_PANEL,
    ),
]
TrajectoryNetwork = Annotated[
    Path | None,
    option(
        "--trajectory-network",
        help="Find the path with a network of srnet train --model trajectory instead of bone lengths",
        metavar="FILE",
        default="bone lengths",
        panel=_PLACE_PANEL,
        completes="checkpoints",
    ),
]
Smooth = Annotated[
    str | None,
    option(
        "--smooth",
        help="Filter: one-euro, savgol or butterworth, with a parameter or not, e.g. butterworth:6 for 6 Hz",
        metavar="FILTER",
        default="none",
        panel=_PLACE_PANEL,
    ),
]
DetectorName = Annotated[
    str | None,
    option(
        "--detector",
        help="Detector of keypoints in a video: mediapipe, rtmlib",
        metavar="NAME",
        default="mediapipe",
        panel=_VIDEO_PANEL,
    ),
]
DetectorFiles = Annotated[
    list[str] | None,
    option(
        "--detector-file",
        help="ONNX file of the detector, PATH or PATH:SHA256; for rtmlib first YOLOX, then RTMPose",
        metavar="FILE",
        default="none",
        panel=_VIDEO_PANEL,
    ),
]
