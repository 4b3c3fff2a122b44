"""The check itself: how far the 3D seen through its cameras lies from the 2D, and all findings about a data set."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.data_check._candidate import Reason, distances, project, size_of, typical
from srnet_core.data_check.body import check_bodies
from srnet_core.data_check.reasons import OF_CAMERAS, find_reason
from srnet_core.data_check.report import ERROR, NOTE, ClipFit, DataCheck, Finding
from srnet_core.data_check.sample import View, sample_views

NOTE_SHARE, ERROR_SHARE = 0.02, 0.25  # of the size of the person in the image
_NOTE_SHARE_ALONE = 0.05  # of a single view; one at the edge of the image has up to 2 % from a lens that 2D leaves out
_FRAME_SHARE = 0.06  # of the median joint of a single frame
_SAME_RATIO = 0.03
_LEAST_SURPLUS = 1.15  # times the frames of the 3D, from which on frame rates differ
_OFF_CENTRE = 0.12  # of the image: how far a principal point may be from the middle
_MOST_OUTSIDE = 0.2  # of the keypoints
_EXACT = "gt"  # keypoints that are projections of the 3D; any others come from a detector


def check_dataset(dataset: PoseDataset) -> DataCheck:
    """Check that 3D, 2D, cameras and skeleton of a data set belong together.

    Some frames of each view are looked at, so that the check costs little. Where 3D and 2D are further apart than 25 %
    of the person's size, that is an error, and a note above 2 %, or above 5 % in a single view, with two exceptions. 2D
    that was detected has errors of its own, so up to 25 % it is a finding only if a reason is found. Cameras that were
    assumed may be the wrong ones, so it is a note unless a reason is found in the poses.

    Returns:
        the fit of each view, and the findings; none for a sound data set.
    """
    views = sample_views(dataset)
    with np.errstate(all="ignore"):
        fits = tuple(map(_fit, views))
        size_m, of_bodies = check_bodies(views, dataset.skeleton)
    result = DataCheck(fits, (), size_m)
    found = _of_geometry(result, views, dataset)
    if not any(f.level == ERROR for f in found):
        found += _of_frames(fits, views, dataset)
        found += _of_single_keypoints(fits, views, _is_exact(dataset))
    if not found:
        found += _of_images(views)
    explained = any(f.kind == "geometry" and f.level == ERROR for f in found)
    if not any(f.kind == "frame counts" for f in found):
        found += _of_frame_counts(dataset, [f.reason for f in found])
    if explained:  # what follows from the same mistake is not said twice
        of_bodies = [f for f in of_bodies if f.level == ERROR and not any(g.reason for g in found)]
    findings = sorted([*found, *of_bodies], key=lambda f: f.level != ERROR)
    return DataCheck(fits, tuple(findings), size_m)


def _fit(view: View) -> ClipFit:
    far = distances(project(view.own_camera, view.world_m), view.px)
    size_px = size_of(view.px)
    if NOTE_SHARE * size_px < typical(far) < ERROR_SHARE * size_px:  # 2D that was made without the lens is as good
        flat = replace(view.own_camera, radial_distortion=(0.0, 0.0, 0.0), tangential_distortion=(0.0, 0.0))
        far = min(far, distances(project(flat, view.world_m), view.px), key=typical)
    return ClipFit(
        clip=view.name,
        subject=view.subject,
        camera=view.camera,
        median_px=typical(far),
        worst_px=float(far.max()),
        size_px=size_px,
    )


def _of_geometry(result: DataCheck, views: Sequence[View], dataset: PoseDataset) -> list[Finding]:
    if not views:
        return []
    exact = _is_exact(dataset)
    level, bad = _bad_views(result, views, exact)
    if not bad:
        return []
    reason = find_reason(bad, views, dataset.skeleton, exact=exact)
    certain = reason is not None and reason.kind == "cameras permuted" and reason.share <= NOTE_SHARE
    if dataset.cameras_assumed and not certain and (reason is None or reason.kind in OF_CAMERAS):
        return [_of_assumed_cameras(_geometry_finding(NOTE, result, bad, views, None))]
    if reason is None and not exact and level == NOTE:
        several = [v for v, fit in zip(views, result.fits) if fit.share > ERROR_SHARE]
        if not several:
            return []  # what a detector does not see exactly
        bad = several
    return [_geometry_finding(level, result, bad, views, reason)]


def _is_exact(dataset: PoseDataset) -> bool:
    return dataset.keypoints.split("_")[0] == _EXACT


def _bad_views(result: DataCheck, views: Sequence[View], exact: bool) -> tuple[str, list[View]]:
    """(level, the views that do not fit)."""
    groups = {name: float(np.median([f.share for f in fits])) for name, fits in result.grouped.items()}

    def chosen(share: float, alone: float) -> list[View]:
        """Views above a share, as part of a subject's camera or alone."""
        return [
            view
            for view, fit in zip(views, result.fits)
            if fit.share > alone or groups[f"{fit.subject}/camera {fit.camera}"] > share
        ]

    wrong = chosen(ERROR_SHARE, ERROR_SHARE if exact else np.inf)
    return (ERROR, wrong) if wrong else (NOTE, chosen(NOTE_SHARE, _NOTE_SHARE_ALONE))


def _geometry_finding(
    level: str, result: DataCheck, bad: Sequence[View], views: Sequence[View], reason: Reason | None
) -> Finding:
    names = {view.name for view in bad}
    fits = [fit for fit in result.fits if fit.clip in names]
    worst = max(fits, key=lambda fit: fit.share)
    median_px = float(np.median([fit.median_px for fit in fits]))
    share = float(np.median([fit.share for fit in fits]))
    where = "" if len(bad) == len(views) else f" in {len(bad)} of {len(views)} views"
    text = (
        f"the 3D seen through its cameras lies {_px(median_px)} from the 2D{where} "
        f"(median; {_percent(share)} of the person's size; worst: {worst.clip}, {_px(worst.median_px)})"
    )
    if reason is None:
        return Finding(level, "geometry", text, "", "3D (metres, world), 2D (pixels) and cameras must belong together")
    return Finding(
        level, "geometry", text, f"{reason.text} (with that undone {_px(reason.error_px)} remain)", reason.todo
    )


def _of_frames(fits: Sequence[ClipFit], views: Sequence[View], dataset: PoseDataset) -> list[Finding]:
    """A note on frames that do not fit, in views that fit otherwise; only for exact 2D."""
    bad: list[View] = []
    looked_at = 0
    for fit, view in zip(fits, views) if _is_exact(dataset) else ():
        if not fit.share < NOTE_SHARE:
            continue
        far = np.median(distances(project(view.own_camera, view.world_m), view.px), axis=-1)
        rows = far > _FRAME_SHARE * fit.size_px
        looked_at += len(rows)
        if rows.any():
            bad.append(replace(view, rows=view.rows[rows], world_m=view.world_m[rows], px=view.px[rows]))
    if not bad:
        return []
    count = sum(len(view.rows) for view in bad)
    text = (
        f"in {count:,} of {looked_at:,} frames looked at, the 3D seen through its cameras is not where the 2D is "
        f"(the first: {bad[0].name}, frame {bad[0].rows[0]})"
    )
    reason = find_reason(bad, views, dataset.skeleton, exact=True)
    if reason is None:
        return [Finding(NOTE, "frames", text, "", "Look at the pose and the keypoints of these frames")]
    return [Finding(NOTE, "frames", text, f"there, {reason.text}", reason.todo)]


def _of_single_keypoints(fits: Sequence[ClipFit], views: Sequence[View], exact: bool) -> list[Finding]:
    """A note on single keypoints that are far away in views that fit otherwise, e.g. -9999 or 3D at the origin.

    Detected 2D may lie anywhere on the image, so only what is far outside of it counts.
    """
    count = looked_at = 0
    first = ""
    for fit, view in zip(fits, views):
        if not fit.share < ERROR_SHARE:
            continue
        camera = view.own_camera
        far = distances(project(camera, view.world_m), view.px) > fit.size_px
        if not exact:
            size = np.array([camera.width_px, camera.height_px])
            far &= ((view.px < -size) | (view.px > 2 * size)).any(-1)
        looked_at += far.size
        count += int(far.sum())
        if far.any() and not first:
            frame, joint = np.argwhere(far)[0]
            places = [", ".join(f"{x:.4g}" for x in point[frame, joint]) for point in (view.px, view.world_m)]
            first = f"{view.name}, frame {view.rows[frame]}, joint {joint}: 2D ({places[0]}), 3D ({places[1]})"
    if not count:
        return []
    text = (
        f"{count:,} of {looked_at:,} keypoints looked at lie further from the 3D than a person is large "
        f"(the first: {first})"
    )
    return [Finding(NOTE, "keypoints", text, "", "Write NaN for what is missing")]


def _of_images(views: Sequence[View]) -> list[Finding]:
    """A note on cameras whose image cannot have the size that is stated: the middle or the 2D lies elsewhere.

    3D and 2D fit whatever the size is, but the normalization of the 2D divides by it.
    """
    odd: dict[str, str] = {}
    for subject, index in sorted({(v.subject, v.camera) for v in views}):
        own = [v for v in views if (v.subject, v.camera) == (subject, index)]
        camera = own[0].own_camera
        size, center = np.array([camera.width_px, camera.height_px], float), np.array(camera.center_px)
        px = np.concatenate([v.px.reshape(-1, 2) for v in own])
        outside = float(((px < 0) | (px > size)).any(-1).mean())
        where = f"{subject}/camera {index}, {size[0]:.0f} x {size[1]:.0f}"
        if (np.abs(center / size - 0.5) > _OFF_CENTRE).any():
            odd[where] = f"its principal point is ({center[0]:.0f}, {center[1]:.0f})"
        elif outside > _MOST_OUTSIDE:
            odd[where] = f"{outside:.0%} of the keypoints are outside"
    if not odd:
        return []
    first, why = next(iter(odd.items()))
    cameras = f"{len(odd)} camera{'s'[: len(odd) > 1]}"
    text = f"the image of {cameras} may have another size than stated (the first: {first}: {why})"
    return [Finding(NOTE, "image size", text, "", "Check res_w and res_h of the cameras")]


def _of_assumed_cameras(finding: Finding) -> Finding:
    reason = "the file has no cameras, and those that were assumed are not the ones that filmed it"
    return replace(finding, reason=reason, todo="Add 'cameras' to the 3D file")


def _px(value: float) -> str:
    if value >= 1e8:
        return "behind the camera,"
    return f"{value:.0f} px" if value >= 10 else f"{value:.1f} px"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share < 10 else "over 1000 %"


def _of_frame_counts(dataset: PoseDataset, reasons: Sequence[str]) -> list[Finding]:
    """A note where the 2D of most takes is longer than the 3D by the same factor."""
    if any("frame rate" in reason for reason in reasons):
        return []
    ratios = [
        1 + max(map(len, dataset.surplus_2d_px.get(subject, {}).get(take, ((),)))) / len(pose)
        for subject, takes in dataset.positions_3d_world_m.items()
        for take, pose in takes.items()
    ]
    if len(ratios) < 2:
        return []
    ratio = float(np.median(ratios))
    alike = np.mean(np.abs(np.array(ratios) / ratio - 1) < _SAME_RATIO)
    if ratio < _LEAST_SURPLUS or alike < 0.8:
        return []
    how_often = "every take" if alike == 1 else "most takes"
    return [
        Finding(
            NOTE,
            "frame counts",
            f"the 2D is {ratio:.3g} times as long as the 3D in {how_often}",
            "the frame rates of 2D and 3D differ",
            "Bring 3D and 2D to one frame rate; the surplus was cut at the end",
        )
    ]
