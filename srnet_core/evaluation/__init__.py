"""Predict, measure, gather into tables."""

import re

RARENESS = ("mean", "kernel", "nearest")
"""The measures of how rare a pose is, see `rareness`; here, where reading them imports nothing."""


def usual_name(metric: str) -> str:
    """The name of a metric in `metrics.METRICS`, whatever its threshold: "pck150" for "pck100"."""
    return re.sub(r"pck[0-9.e+-]+$", "pck150", metric)
