"""The layout of a file's joints: given by the user, the file, the format, the number of joints or the bones."""

from srnet_core.errors import AmbiguousError, BadFileError
from srnet_core.layouts import (
    BY_NAMES,
    Layout,
    check_count,
    get_layout,
    layout_of_names,
    layouts_of_count,
    rare_layouts_of_count,
)
from srnet_core.layouts.geometry import PLAUSIBLE, Fit, decide, fit
from srnet_core.layouts.own import layout_asked, layout_of_metadata
from srnet_core.readers.detections import Detections
from srnet_core.readers.npz import NpzFile

NO_LAYOUT = "none"  # what a user asks for whose joints are not to be taken for those of any layout
_OWN = "srnet data mapping FILE --output MINE.toml writes a file to name them in, then layout='MINE.toml'"
_IMPLAUSIBLE = 0.6
_ALSO = {21: "a hand", 68: "a face"}  # points of other things than people, of which detectors give as many
_SURELY = 0.2  # misfit of a person beside whom such a number may be something else


def find_layout(detections: Detections, asked: str | Layout | None) -> tuple[Layout | None, str, list[str]]:
    """The layout, where it comes from ("given", "file", "format", "joint count", "bones", "unknown"), and notes.

    Args:
        asked: a layout, its name, the path of a layout file (.toml) or of the 3D file of a data set (.npz), "none" for
            no layout, or "auto" to find it.

    Raises:
        AmbiguousError: several layouts have so many joints and none fits clearly better; the message says how they fit.
        BadFileError: the layout asked for has another number of joints, or its file is not a layout.
        InputFileMissing: there is no such file.
        UnknownNameError: there is no layout of the name asked for.
    """
    joints = detections.joints
    if asked == NO_LAYOUT:
        return None, "given", []
    if asked is not None and asked != "auto":
        given = asked if isinstance(asked, Layout) else _asked(asked)
        if detections.points.shape[1]:
            check_count(given, joints, detections.source)
        return given, "given", _doubt(detections, given)
    if not joints:
        return None, "unknown", ["No person was found in any frame: the layout is unknown."]
    if detections.joint_names:
        named = layout_of_names(detections.joint_names)
        if detections.described is not None and (named is None or named.name == BY_NAMES):
            return detections.described, "file", []
        if named is not None:
            return named, "file", []
        note = "The file names its joints, but no known layout has these names: the layout is unknown."
        return None, "unknown", [f"{note} If they are those of a person, {_OWN}."]
    if detections.layout:
        of_format = get_layout(detections.layout)
        if of_format.num_joints == joints:
            return of_format, "format", _doubt(detections, of_format)
    candidates = [get_layout(n) for n in detections.candidates] or list(layouts_of_count(joints))
    if not candidates:
        rare, _ = decide(detections.points, rare_layouts_of_count(joints))
        if rare is not None:
            return rare, "bones", [f"The layout was recognized by the bones: {rare.name}."]
        note = f"No known layout has {joints} joints: the layout is unknown. If they are those of a person, {_OWN}."
        return None, "unknown", [note]
    if len(candidates) == 1:
        if joints in _ALSO and fit(detections.points, candidates[0]).misfit > _SURELY:
            note = f"{joints} points may be {_ALSO[joints]}, and the bones do not say a person: the layout is unknown."
            return None, "unknown", [note]
        return candidates[0], "joint count", _doubt(detections, candidates[0])
    layout, fits = decide(detections.points, candidates)
    if layout is None:
        own = f"; for joints of your own {_OWN}, or layout='none' to go without"
        raise AmbiguousError(
            f"has {joints} joints, which may be {_listed(fits)}; {_reason(fits)}",
            where=detections.source,
            todo=f"Say which with layout=, e.g. layout={fits[0].layout.name!r}{own if _fits_none(fits) else ''}",
        )
    return layout, "bones", [f"The layout was recognized by the bones: {layout.name}, chosen from {_listed(fits)}."]


def _asked(asked: str) -> Layout:
    if not str(asked).endswith(".npz"):
        return layout_asked(asked)
    metadata = NpzFile(asked).get("metadata")
    layout = layout_of_metadata(metadata) if isinstance(metadata, dict) else None
    if layout is None:
        todo = "Give the 3D file of a data set of your own, or a layout file (.toml)"
        raise BadFileError("has no 'metadata' with joint_names and parents", where=asked, todo=todo)
    return layout


def _doubt(detections: Detections, layout: Layout) -> list[str]:
    """A note where the bones have implausible proportions, so that the layout may be wrong."""
    found = fit(detections.points, layout) if len(detections.points) else None
    if found is None or not _IMPLAUSIBLE < found.misfit < float("inf"):
        return []
    return [f"With the layout {layout.name} the bones do not have the proportions of a person: check the layout."]


def _listed(fits: list[Fit]) -> str:
    return " or ".join(f.layout.name for f in fits)


def _fits_none(fits: list[Fit]) -> bool:
    return PLAUSIBLE < fits[0].misfit < float("inf")


def _reason(fits: list[Fit]) -> str:
    if fits[0].misfit == float("inf"):
        return "too few joints were found to distinguish them by the bones"
    values = ", ".join(f"{f.layout.name} {f.misfit:.2f}" for f in fits)
    if _fits_none(fits):
        return f"the bones fit none of them (misfit, 0 is best: {values})"
    return f"the bones fit about equally well (misfit, 0 is best: {values})"
