"""The layout of a file's joints: given by the user, the file, the format, the number of joints or the bones."""

from srnet_core.errors import AmbiguousError
from srnet_core.layouts import Layout, check_count, get_layout, layout_of_names, layouts_of_count
from srnet_core.layouts.geometry import PLAUSIBLE, Fit, decide, fit
from srnet_core.readers.detections import Detections

_IMPLAUSIBLE = 0.6
_ALSO = {21: "a hand", 68: "a face"}  # points of other things than people, of which detectors give as many
_SURELY = 0.2  # misfit of a person beside whom such a number may be something else


def find_layout(detections: Detections, asked: str | Layout | None) -> tuple[Layout | None, str, list[str]]:
    """The layout, where it comes from ("given", "file", "format", "joint count", "bones", "unknown"), and notes.

    Raises:
        AmbiguousError: several layouts have so many joints and none fits clearly better; the message says how they fit.
        BadFileError: the layout asked for has another number of joints.
        UnknownNameError: there is no layout of the name asked for.
    """
    joints = detections.joints
    if asked is not None and asked != "auto":
        given = asked if isinstance(asked, Layout) else get_layout(asked)
        if detections.points.shape[1]:
            check_count(given, joints, detections.source)
        return given, "given", _doubt(detections, given)
    if not joints:
        return None, "unknown", ["No person was found in any frame: the layout is unknown."]
    if detections.joint_names:
        named = layout_of_names(detections.joint_names)
        if named is not None:
            return named, "file", []
        note = "The file names its joints, but no known layout has these names: the layout is unknown."
        return None, "unknown", [note]
    if detections.layout:
        of_format = get_layout(detections.layout)
        if of_format.num_joints == joints:
            return of_format, "format", _doubt(detections, of_format)
    candidates = [get_layout(n) for n in detections.candidates] or list(layouts_of_count(joints))
    if not candidates:
        return None, "unknown", [f"No known layout has {joints} joints: name the layout with layout=."]
    if len(candidates) == 1:
        if joints in _ALSO and fit(detections.points, candidates[0]).misfit > _SURELY:
            note = f"{joints} points may be {_ALSO[joints]}, and the bones do not say a person: the layout is unknown."
            return None, "unknown", [note]
        return candidates[0], "joint count", _doubt(detections, candidates[0])
    layout, fits = decide(detections.points, candidates)
    if layout is None:
        raise AmbiguousError(
            f"has {joints} joints, which may be {_listed(fits)}; {_reason(fits)}",
            where=detections.source,
            todo=f"Say which with layout=, e.g. layout={fits[0].layout.name!r}",
        )
    return layout, "bones", [f"The layout was recognized by the bones: {layout.name}, chosen from {_listed(fits)}."]


def _doubt(detections: Detections, layout: Layout) -> list[str]:
    """A note where the bones have implausible proportions, so that the layout may be wrong."""
    found = fit(detections.points, layout) if len(detections.points) else None
    if found is None or not _IMPLAUSIBLE < found.misfit < float("inf"):
        return []
    return [f"With the layout {layout.name} the bones do not have the proportions of a person: check the layout."]


def _listed(fits: list[Fit]) -> str:
    return " or ".join(f.layout.name for f in fits)


def _reason(fits: list[Fit]) -> str:
    if fits[0].misfit == float("inf"):
        return "too few joints were found to distinguish them by the bones"
    values = ", ".join(f"{f.layout.name} {f.misfit:.2f}" for f in fits)
    if fits[0].misfit > PLAUSIBLE:
        return f"the bones fit none of them (misfit, 0 is best: {values})"
    return f"the bones fit about equally well (misfit, 0 is best: {values})"
