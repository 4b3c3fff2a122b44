"""Check that the 2D joints are in the order of the skeleton, by the symmetry that the 2D file states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import layouts_of_count

_TODO = (
    "2D and 3D need the same joints in the same order. 2D of COCO, MPII and others becomes the 17 joints by: "
    "srnet data convert {path} NEW.npz --to videopose3d --to-layout h36m17"
)


def check_joint_order(positions_px: Mapping, metadata: object, skeleton: Skeleton, path: Path) -> None:
    """Compare the 2D joints with a skeleton: their number, and which of them are left and right.

    Args:
        positions_px: {subject: {take: [per camera (T, J, 2)]}}.
        metadata: `metadata` of the 2D file, {layout_name, num_joints, keypoints_symmetry}, each optional.

    Raises:
        BadFileError: the number or the order of the joints is not that of the skeleton.
    """
    metadata = metadata if isinstance(metadata, dict) else {}
    layout = str(metadata.get("layout_name", "unnamed"))[:40]
    counts = {
        view.shape[1]
        for takes in positions_px.values()
        for views in takes.values()
        for view in views
        if view is not None
    }
    for count in (*counts, metadata.get("num_joints", skeleton.num_joints)):
        if count != skeleton.num_joints:
            raise BadFileError(
                f"has {str(count)[:20]} joints in 2D (layout {layout!r}), but the skeleton {skeleton.name} has "
                f"{skeleton.num_joints}",
                where=path,
                todo=_TODO.format(path=path),
            )
    if "keypoints_symmetry" not in metadata:
        return
    stated = _symmetry(metadata["keypoints_symmetry"], path)
    if stated != set(zip(skeleton.left_indices, skeleton.right_indices)):
        raise BadFileError(
            f"its left and right joints (layout {layout!r}) are not those of the skeleton {skeleton.name}: "
            f"the joints are in another order{_known_order(stated, skeleton.num_joints)}",
            where=path,
            todo=_TODO.format(path=path),
        )


def _known_order(mirror: set[tuple[int, int]], joints: int) -> str:
    """The layouts that have these left and right joints, at the end of a sentence."""
    names = [layout.name for layout in layouts_of_count(joints) if set(layout.mirror_pairs) == mirror]
    return f", that of {' or '.join(names)}" if names else ""


def _symmetry(value: Any, path: Path) -> set[tuple[int, int]]:
    try:
        left, right = ([int(j) for j in side] for side in value)
        return set(zip(left, right, strict=True))
    except (TypeError, ValueError, OverflowError):
        raise BadFileError(
            "'keypoints_symmetry' must be two lists of joint indices of equal length", where=path
        ) from None
