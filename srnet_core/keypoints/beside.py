"""The video that keypoints were found in, where it lies beside their file: it tells image size and frame rate."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from srnet_core.errors import SrnetError
from srnet_core.keypoints.tracks import Keypoints
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
