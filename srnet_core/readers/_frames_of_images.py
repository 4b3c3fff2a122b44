"""Frame numbers from the names of images in a table: `img_10.jpg` comes after `img_9.jpg`, wherever its row stands."""

from collections.abc import Sequence

from srnet_core.errors import BadFileError
from srnet_core.readers.frames import few, videos_of

_AS_MANY = 0.5  # of the images of one video: as many of another are no slip


def numbers_of_images(images: Sequence[str], where: object) -> list[int] | None:
    """The frame number of each image; `None` where their names do not tell an order.

    Raises:
        BadFileError: they are images of several videos.
    """
    names = [image.replace("\\", "/").rpartition("/")[2] for image in images]
    distinct = list(dict.fromkeys(names))
    if len(distinct) < 2 or not all(distinct):
        return None
    videos = videos_of(distinct)
    if len(videos) > 1 and len(videos[0].names) > 1:
        if len(videos[1].names) > _AS_MANY * len(videos[0].names):
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
