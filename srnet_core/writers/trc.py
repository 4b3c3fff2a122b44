"""TRC, the marker files of OpenSim and Pose2Sim: tab-separated text, metres, y up."""

from typing import IO

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.motion import Motion


def write_trc(file: IO[bytes], motion: Motion, *, name: str = "motion.trc") -> None:
    """Write a motion in metres with y up; the cells of missing points stay empty, as OpenSim reads them.

    Only the last cell of a row is "NaN" where it is missing: OpenSim 4.6 refuses rows that end with an empty cell.

    Args:
        file: open for writing bytes.
        motion: with `fps`, `metres_per_unit` 1 and `up` "y".
        name: of the file, which its first line repeats.

    Raises:
        ConfigError: another unit or up axis, no frame rate, or names with tabs.
    """
    rate, count = require_rate(motion), len(motion.names)
    if motion.metres_per_unit != 1 or motion.up != "y":
        raise ConfigError("TRC is written in metres with y up", where=name)
    if any("\t" in label or "\n" in label for label in motion.names):
        raise ConfigError("a marker's name has a tab or an end of line", where=name)
    labels = "".join(f"\t{label}\t\t" for label in motion.names)
    axes = "".join(f"\tX{i}\tY{i}\tZ{i}" for i in range(1, count + 1))
    head = (
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:g}\t{rate:g}\t{motion.frames}\t{count}\tm\t{rate:g}\t1\t{motion.frames}",
        f"Frame#\tTime{labels}",
        f"\t{axes}",
    )
    file.write(("\n".join(head) + "\n").encode())
    for number, row in enumerate(motion.positions.reshape(motion.frames, -1)):  # (T, J, 3) -> (T, 3J)
        cells = ["" if np.isnan(value) else f"{value:.6f}" for value in row]
        cells[-1] = cells[-1] or "NaN"
        file.write("\t".join([str(number + 1), f"{number / rate:.6f}", *cells]).encode() + b"\n")


def require_rate(motion: Motion) -> float:
    """The frame rate of a motion.

    Raises:
        ConfigError: it is not known.
    """
    if not motion.fps or not np.isfinite(motion.fps):
        raise ConfigError("the frame rate is unknown, and this format needs it", todo="Give the frame rate")
    return float(motion.fps)
