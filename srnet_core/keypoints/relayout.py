"""Keypoints of one layout in the order of another: joints of the same body part, middles of hips and shoulders."""

from dataclasses import replace

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import Layout, layout_of_names
from srnet_core.layouts.own import layout_asked

# Parts that lie between two others. Sources: the tables of the layouts, which define necks and hips so.
_MIDDLES = {"hip": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
_HEADS = ("head", "head_top")  # where a layout has none, it is made as the head of the 17 joints is, e.g. of the eyes


def to_layout(keypoints: Keypoints, name: str) -> Keypoints:
    """The same people with the joints of another layout; the 17 of Human3.6M by the table of the layout.

    Joints that cannot be had are missing throughout, and a note names them. The confidence of a joint made of two is
    the smaller one.

    Raises:
        UnknownNameError: there is no layout of that name.
        ConfigError: the layout of the keypoints is unknown, or the two have no joint in common.
    """
    target = layout_asked(name)
    if target.name == "h36m17":
        return keypoints.to_h36m17()
    if keypoints.layout is None:
        raise ConfigError(
            "the layout of the joints is unknown, so they cannot be brought to another",
            where=keypoints.source,
            todo="Say the layout with layout=",
        )
    if keypoints.layout.joints == target.joints:
        return keypoints
    uses = joints_used(keypoints.layout, target)
    lost = [joint for joint, of in zip(target.joints, uses) if not of]
    if len(lost) == target.num_joints:
        raise ConfigError(f"{keypoints.layout.name} and {target.name} have no joints in common", where=keypoints.source)
    notes = list(keypoints.notes)
    own_parts = set(keypoints.layout.parts)
    for joint, part, of in zip(target.joints, target.parts, uses):
        if part in _HEADS and part not in own_parts and of:
            notes.append(f"{joint}: made of {', '.join(keypoints.layout.joints[i] for i in of)}, about where it is.")
    if lost:
        shown = f"{', '.join(lost[:12])}{' ...' if len(lost) > 12 else ''}"
        notes.append(f"The layout {keypoints.layout.name} cannot give {shown}: missing throughout.")
    tracks = tuple(_mapped(track, uses) for track in keypoints.tracks)
    return replace(keypoints, tracks=tracks, layout=target, joint_names=target.joints, notes=tuple(notes))


def with_joints(keypoints: Keypoints, names: tuple[str, ...]) -> Keypoints:
    """The same people with the joints of these names, in this order; other joints are left out.

    Raises:
        ConfigError: the keypoints lack one of them.
    """
    index = {name: i for i, name in enumerate(keypoints.joint_names or ())}
    if lost := [name for name in names if name not in index]:
        raise ConfigError(f"the keypoints have no joint {lost[0][:40]!r}", where=keypoints.source)
    tracks = tuple(_mapped(track, [(index[name],) for name in names]) for track in keypoints.tracks)
    return replace(keypoints, tracks=tracks, layout=layout_of_names(names), joint_names=names)


def joints_used(source: Layout, target: Layout) -> list[tuple[int, ...]]:
    """For each joint of the target the joints of the source whose mean it is; empty where it cannot be had."""
    by_part = {part: i for i, part in enumerate(source.parts) if part}
    by_name = {joint.lower(): i for i, joint in enumerate(source.joints)}
    uses: list[tuple[int, ...]] = []
    for joint, part in zip(target.joints, target.parts):
        middle = tuple(by_part[p] for p in _MIDDLES.get(part, ()) if p in by_part)
        if part and part in by_part:
            uses.append((by_part[part],))
        elif len(middle) == 2:
            uses.append(middle)
        elif not part and joint.lower() in by_name:
            uses.append((by_name[joint.lower()],))
        elif part in _HEADS:
            row = source.weights.get("Head", {})
            uses.append(tuple(row) if len(set(row.values())) == 1 else ())
        else:
            uses.append(())
    return uses


def _mapped(track: Track, uses: list[tuple[int, ...]]) -> Track:
    frames = len(track.points)
    points = np.full((frames, len(uses), 2), np.nan, np.float32)
    confidence = np.zeros((frames, len(uses)), np.float32)
    filled = np.zeros((frames, len(uses)), bool)
    for joint, of in enumerate(uses):
        if of:
            points[:, joint] = track.points[:, of].mean(axis=1)
            confidence[:, joint] = track.confidence[:, of].min(axis=1)
            filled[:, joint] = track.filled[:, of].any(axis=1)
    confidence[np.isnan(points[..., 0])] = 0
    return replace(track, points=points, confidence=confidence, filled=filled)
