"""A mapping for a motion nobody described: from known families of names, from the words in names, from geometry.

1. A mapping of the project whose points are all there. Of several the one with more of its telltale names wins.
2. The words in the names ("thigh_l", "RightForeArm"), which say side and joint.
3. For skeletons, the tree and the lengths of its bones: the two chains to the lowest points are legs, the chain to the
   highest point is the head, the remaining two longest ones are arms. Left and right follow from where the feet point.

Whatever is found is checked against the geometry of a body; what looks doubtful is said in the notes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from srnet_core import mappings
from srnet_core.errors import BadFileError
from srnet_core.mappings._body_tree import joints_from_tree
from srnet_core.mappings._words import LEFT, MIDDLE, RIGHT, is_segment, meaning
from srnet_core.motion import Motion
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

TO_FILL_IN = (
    "Say which points make these joints: srnet data mapping FILE --output MINE.toml writes a mapping file to fill in "
    "(docs/mocap.md), then mapping='MINE.toml'"
)
_MOST_LISTED = 12
_MOST_FRAMES = 300  # that are looked at
_LIMB_JOINTS = {  # word of `_words`: joint of Human3.6M without its side
    "hip": "Hip",
    "knee": "Knee",
    "ankle": "Foot",
    "shoulder": "Shoulder",
    "elbow": "Elbow",
    "wrist": "Wrist",
}


def propose_mapping(motion: Motion) -> mappings.ResolvedMapping:
    """The 17 joints of Human3.6M in the points of a motion.

    Raises:
        BadFileError: joints are missing; the message names them and says how to give a mapping.
    """
    known = _known(motion.names, _named_as_in(motion))
    if known is not None:
        return _checked(known, motion)
    weights = _from_words(motion)
    proposal = mappings.complete("proposed", motion.names, weights, ["Joints were found by the words in their names."])
    if isinstance(proposal, list) and motion.parents is not None:
        found = joints_from_tree(motion)
        if found is not None:
            notes = ["Joints were found by the tree of bones and their lengths, not by names; look at the result."]
            proposal = mappings.complete("proposed", motion.names, found, notes)
    if isinstance(proposal, list):
        more = len(motion.names) - _MOST_LISTED
        have = ", ".join(motion.names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
        raise BadFileError(
            f"no points were found for {', '.join(proposal)}; its points are {have}",
            todo=TO_FILL_IN,
        )
    return _checked(proposal, motion)


def _named_as_in(motion: Motion) -> str:
    """The format whose names the points have: that of the file, or the one that a data set was made of."""
    return str(motion.details.get("names_as_in", motion.format))


def joints_by_words(motion: Motion) -> dict[str, dict[int, float]]:
    """{joint of Human3.6M: {index of a point: weight}} of the joints whose names are understood, maybe none."""
    found = _from_words(motion)
    return {joint: found[joint] for joint in JOINTS if joint in found}


def known_mapping(names: Sequence[str], file_format: str) -> str | None:
    """The name of the project's mapping that fits these points best; `None` where none gives all joints."""
    found = _known(names, file_format)
    return found.name if found else None


def _known(names: Sequence[str], file_format: str) -> mappings.ResolvedMapping | None:
    best: tuple[tuple, mappings.ResolvedMapping] | None = None
    keys = mappings.point_index(names)
    prefix = mappings.common_prefix(names)
    for name in mappings.names():
        mapping = mappings.get_mapping(name)
        if mapping.formats and file_format not in mapping.formats:
            continue
        resolved = mappings.resolve(mapping, names)
        if isinstance(resolved, list):
            continue
        telltales = sum(mappings.key_of(point) in keys for point in mapping.telltale) / max(1, len(mapping.telltale))
        fits_prefix = bool(mapping.prefix) and prefix.startswith(mapping.prefix)
        score = (fits_prefix, telltales, -len(resolved.derived), mapping.name == "motionbuilder")
        if best is None or score > best[0]:
            best = (score, resolved)
    return best[1] if best else None


def _from_words(motion: Motion) -> dict[str, dict[int, float]]:
    """Weights of the joints whose names are understood."""
    prefix = mappings.common_prefix(motion.names)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    spine: list[int] = []
    for i, name in enumerate(motion.names):
        is_end = i in motion.ends
        understood = meaning(name.removeprefix(prefix).rpartition(":")[2])
        if understood is None or (is_end and understood[0] != "headtop"):
            continue
        part, side, rank = understood
        if part == "spine":
            spine.append(i)
        if (part, side) not in found or rank < found[part, side][0]:
            found[part, side] = (rank, i)
    at = {key: index for key, (_, index) in found.items()}
    if (
        _named_as_in(motion) == "amc" and motion.parents is not None
    ):  # points are the ends of bones there, and segments start where their parents end
        starts = {key: motion.parents[index] for key, (rank, index) in found.items() if is_segment(key[0], rank)}
        at |= {key: index for key, index in starts.items() if index >= 0}
    weights: dict[str, dict[int, float]] = {}
    for side in (LEFT, RIGHT):
        for part, joint in _LIMB_JOINTS.items():
            if (part, side) in at:
                weights[side + joint] = {at[part, side]: 1.0}
    weights |= _at_ends(motion, weights)
    weights |= _head_and_trunk(motion, at, spine, weights)
    return weights


def _at_ends(motion: Motion, limbs: Mapping[str, Mapping[int, float]]) -> dict[str, dict[int, float]]:
    """Wrists and ankles that are no joints but ends of bones, in skeletons without hands or feet."""
    found = {}
    for side in (LEFT, RIGHT):
        for joint, before in (("Wrist", "Elbow"), ("Foot", "Knee")):
            if side + joint in limbs or side + before not in limbs or motion.parents is None:
                continue
            start = next(iter(limbs[side + before]))
            ends = [end for end in motion.ends if motion.parents[end] == start]
            if len(ends) == 1:
                found[side + joint] = {ends[0]: 1.0}
    return found


def _head_and_trunk(
    motion: Motion, at: Mapping[tuple[str, str], int], spine: Sequence[int], limbs: Mapping[str, Mapping[int, float]]
) -> dict[str, dict[int, float]]:
    weights: dict[str, dict[int, float]] = {}
    neck, head, top, nose = (at.get((part, MIDDLE)) for part in ("neck", "head", "headtop", "nose"))
    if head is not None and top is None:
        top = next((e for e in motion.ends if motion.parents and motion.parents[e] == head), None)
    if neck is not None:
        weights["Thorax"] = {neck: 1.0}
    if top is not None:
        weights["Head"] = {top: 1.0}
        if head is not None:
            weights["Neck/Nose"] = {head: 1.0}
    elif head is not None and nose is not None:
        weights["Head"], weights["Neck/Nose"] = {head: 1.0}, {nose: 1.0}
    elif head is not None and neck is not None and _has_joints(motion):
        # The joint "head" of a skeleton is the base of the skull; its top is about as far again from the neck.
        weights["Neck/Nose"], weights["Head"] = {head: 1.0}, {head: 2.0, neck: -1.0}
    elif head is not None:
        weights["Head"] = {head: 1.0}
    if ("pelvis", MIDDLE) in at and not {"RHip", "LHip"} <= set(limbs):
        weights["Hip"] = {at["pelvis", MIDDLE]: 1.0}
    if spine:
        middle = _nearest_to_middle(motion, spine, limbs)
        if middle is not None:
            weights["Spine"] = {middle: 1.0}
    return weights


def _has_joints(motion: Motion) -> bool:
    """Whether the points are joints: of a skeleton, or of a table that has its joints but not its bones."""
    return motion.parents is not None or motion.details.get("points_are") == "joints"


def _nearest_to_middle(motion: Motion, spine: Sequence[int], limbs: Mapping[str, Mapping[int, float]]) -> int | None:
    """The point of the spine that is about halfway between hips and shoulders; `None` where none is."""
    if not {"RHip", "LHip", "RShoulder", "LShoulder"} <= set(limbs):
        return None
    points = motion.positions[:: max(1, motion.frames // _MOST_FRAMES)]
    pairs = [[next(iter(limbs[side + part])) for side in "LR"] for part in ("Hip", "Shoulder")]
    hips, shoulders = (points[:, pair].mean(axis=1) for pair in pairs)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        axis = shoulders - hips
        along = [((points[:, p] - hips) * axis).sum(-1) / (axis * axis).sum(-1) for p in spine]
    shares = [float(np.median(share[np.isfinite(share)])) if np.isfinite(share).any() else np.nan for share in along]
    best = min(range(len(spine)), key=lambda i: abs(shares[i] - 0.5) if np.isfinite(shares[i]) else np.inf)
    return spine[best] if np.isfinite(shares[best]) and abs(shares[best] - 0.5) < 0.25 else None


def _checked(proposal: mappings.ResolvedMapping, motion: Motion) -> mappings.ResolvedMapping:
    """The proposal with notes about what does not look like a body."""
    poses = proposal.apply(motion.positions[:: max(1, motion.frames // _MOST_FRAMES)])
    poses = poses[np.isfinite(poses).all((1, 2))]
    if not len(poses):
        return _with_notes(proposal, ["No frame has all the points that the mapping needs."])
    lengths = {}
    for parent, child in SKELETON.bones:
        spans = np.linalg.norm(poses[:, child] - poses[:, parent], axis=-1)
        lengths[JOINTS[parent], JOINTS[child]] = float(np.median(spans))
    notes = []
    for start, end in (("Hip", "Knee"), ("Knee", "Foot"), ("Shoulder", "Elbow"), ("Elbow", "Wrist")):
        left, right = lengths["L" + start, "L" + end], lengths["R" + start, "R" + end]
        if min(left, right) <= 0 or max(left, right) > 1.25 * min(left, right):
            notes.append(f"{start} to {end} has the length {left:.4g} on the left and {right:.4g} on the right.")
    leg = lengths["LHip", "LKnee"] + lengths["LKnee", "LFoot"]
    arm = lengths["LShoulder", "LElbow"] + lengths["LElbow", "LWrist"]
    trunk = lengths["Hip", "Spine"] + lengths["Spine", "Thorax"]
    if leg <= 0 or not 0.35 < arm / leg < 1.1 or not 0.3 < trunk / leg < 1.2:
        notes.append(f"Legs, arms and trunk have the lengths {leg:.4g}, {arm:.4g} and {trunk:.4g}, unlike a person's.")
    return _with_notes(proposal, notes)


def _with_notes(proposal: mappings.ResolvedMapping, notes: Sequence[str]) -> mappings.ResolvedMapping:
    if proposal.derived:
        notes = [*notes, f"Made from other joints: {', '.join(proposal.derived)}."]
    return mappings.ResolvedMapping(
        proposal.name, proposal.points, proposal.weights, proposal.derived, (*proposal.notes, *notes)
    )
