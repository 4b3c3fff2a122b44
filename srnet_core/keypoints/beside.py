"""The video that keypoints were found in, where it lies beside their file: it tells image size and frame rate."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from srnet_core.errors import SrnetError
from srnet_core.keypoints.read import check_given, chosen_sequence, keypoints_of, load_detections
from srnet_core.keypoints.tracks import Keypoints
from srnet_core.layouts import Layout
from srnet_core.video import Video, VideoInfo, is_video

_ADDED = ("_json", "_keypoints", "_openpose", "_alphapose", "_poses", "_pose", "_2d")  # to the name of the video
_ADDED_WITH_MORE = "DLC_"  # DeepLabCut: the name of the network follows
_FOLDERS = (".", "..", "videos", "../videos", "../../videos")  # from where the keypoints are; Pose2Sim: pose, videos
_MOST_FILES = 10_000  # of a folder that are looked at
_SAME_RATE = 0.01


@dataclass(frozen=True)
class VideoBeside:
    """A video and what it says about itself."""

    path: Path
    info: VideoInfo

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as a player shows it."""
        return self.info.width_px, self.info.height_px

    def differences(self, keypoints: Keypoints) -> list[str]:
        """What the video contradicts, one sentence each: the size of the images, the frame rate."""
        size, fps = keypoints.image_size, keypoints.fps
        found = []
        if size is not None and tuple(size) != self.size:
            found.append(
                f"{self.path.name} beside the keypoints has pictures of {self.size[0]} x {self.size[1]} pixels, not "
                f"{size[0]} x {size[1]}: if these are of a smaller or cut copy of it, poses are better from the whole."
            )
        if fps is not None and abs(fps / self.info.fps - 1) > _SAME_RATE:
            found.append(f"{self.path.name} beside the keypoints has {self.info.fps:g} frames per second, not {fps:g}.")
        return found


def read_beside_video(
    path: str | Path,
    format: str = "auto",
    layout: str | Layout = "auto",
    person: int | str | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    *,
    sequence: int | str | None = None,
) -> tuple[Keypoints, list[str]]:
    """The keypoints of a file, which is read once; what it does not tell is asked of the video beside it.

    Returns:
        The keypoints, and a sentence on each thing that the video contradicts or tells.

    Args and errors as `srnet_core.keypoints.read_keypoints`.
    """
    fps, image_size = check_given(fps, image_size)
    found = load_detections(path, format, sequence=sequence if isinstance(sequence, str) else None)
    detections = chosen_sequence(found, sequence)
    told: list[str] = []
    if (video := video_beside(path)) is not None:
        if image_size is None and detections.image_size is None:
            image_size = video.size
            told.append(f"images of {video.size[0]} x {video.size[1]} pixels")
        if fps is None and detections.fps is None and detections.consecutive:
            fps = video.info.fps
            told.append(f"{fps:g} frames per second")
    keypoints = keypoints_of(detections, path, layout, fps, image_size)
    said = [] if video is None else video.differences(keypoints)
    if video is not None and told:
        said.append(f"{' and '.join(told)}, as {video.path.name} beside the keypoints has")
    return (keypoints if person is None else keypoints.only(person)), said


def video_beside(path: str | Path) -> VideoBeside | None:
    """The one video whose name that of a file or folder of keypoints continues, there or in a folder `videos` near it.

    `None` where there is none or several, where it cannot be read or is a film that srnet drew, and without the extra
    `video`.
    """
    path = Path(path)
    names = {path.stem.lower(), path.name.lower()}
    names |= {name.removesuffix(added) for name in tuple(names) for added in _ADDED}
    if _ADDED_WITH_MORE in path.stem:
        names.add(path.stem.partition(_ADDED_WITH_MORE)[0].lower())
    names -= {"", *_ADDED}
    found = {}
    for folder in _FOLDERS:
        try:
            for file in islice((path.parent / folder).iterdir(), _MOST_FILES):
                if is_video(file) and file.stem.lower() in names:
                    found[file.resolve()] = file
        except OSError:  # there is no such folder
            continue
    if len(found) != 1:
        return None
    ((where, _),) = found.items()
    try:
        with Video(where) as video:
            return None if video.info.drawn else VideoBeside(where, video.info)
    except SrnetError:
        return None
