"""Predict, measure, gather into tables."""

import re

RARENESS = ("mean", "kernel", "nearest")
"""The measures of how rare a pose is, see `rareness`; here, where reading them imports nothing."""
PCK_THRESHOLD_MM = 150.0
"""The usual threshold of PCK (Mehta et al., 3DV 2017), which is part of its name: "pck150"."""


def usual_name(metric: str) -> str:
    """The name of a metric in `metrics.METRICS`, whatever its threshold: "pck150" for "pck100"."""
    return re.sub(r"pck[0-9.e+-]+$", f"pck{PCK_THRESHOLD_MM:g}", metric)
