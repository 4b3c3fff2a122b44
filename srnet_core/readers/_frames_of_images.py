"""Frame numbers from the names of images in a table: `img_10.jpg` comes after `img_9.jpg`, wherever its row stands."""

import re
from collections.abc import Sequence

from srnet_core.errors import BadFileError
from srnet_core.readers.frames import few, videos_of

_AS_MANY = 0.5  # of the images of one video: as many of another are no slip
_MOST = 0.5  # of all images are in such videos; else the digits of their names are no numbers of frames
# 2024-01-31_12-00-59_033, 20240131_120059, 1706702459.033: numbers behind a second begin anew with every second
_CLOCK = re.compile(
    r"(?:.*[^0-9])?(?:[01]?[0-9]|2[0-3])[-_.: h][0-5][0-9][-_.: m][0-5][0-9](?:[-_.,: s][0-9]{1,9})?"
    r"|(?:.*[^0-9])?(?:19|20)[0-9]{6}[-_ T]?(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9](?:[-_.,]?[0-9]{1,9})?"
    r"|(?:.*[^0-9])?[1-9][0-9]{8,9}[._][0-9]{1,9}"
)


def numbers_of_images(images: Sequence[str], where: object) -> list[int] | None:
    """The frame number of each image; `None` where their names do not tell an order.

    Raises:
        BadFileError: they are images of several videos.
    """
    names = [image.replace("\\", "/").rpartition("/")[2] for image in images]
    distinct = list(dict.fromkeys(names))
    if len(distinct) < 2 or not all(distinct) or all(_CLOCK.fullmatch(name.rpartition(".")[0]) for name in distinct):
        return None
    videos = videos_of(distinct)
    if len(videos) > 1 and len(videos[0].names) > 1:
        large = [len(video.names) for video in videos if len(video.names) > _AS_MANY * len(videos[0].names)]
        if len(large) > 1 and sum(large) > _MOST * len(distinct):
            raise BadFileError(
                f"has rows of images of several videos: {few(video.prefix for video in videos)}",
                where=where,
                todo="Write a table for each video",
            )
        return None
    if len(videos) > 1 or videos[0].duplicates or not any(c.isdigit() for c in distinct[0]):
        return None
    number = dict(zip(videos[0].names, videos[0].numbers))
    return [number[name] for name in names]
