"""AI Challenger: a list of images with people by name, 14 joints each as x, y and a flag.

The flag is 1 for a joint that is seen, 2 for one that is hidden and 3 for one that is not labelled. The images do not
follow each other. Source: the description of the data set; the order of the joints is that of `aic14`.
"""

from dataclasses import replace

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._named_people import number_of, numbers_of_images
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "ai_challenger"
_KEY = "keypoint_annotations"
_CONFIDENCE_OF_FLAG = {1: 1.0, 2: 0.5, 3: 0.0, 0: 0.0}


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json or f'"{_KEY}"' not in head.text:
        return 0.0
    images = head.json
    known = isinstance(images, list) and all(isinstance(i, dict) and isinstance(i.get(_KEY), dict) for i in images[:20])
    return 0.95 if known and images else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images.

    Raises:
        BadFileError: not in this form.
    """
    images = head.json
    if not isinstance(images, list) or not all(isinstance(i, dict) and isinstance(i.get(_KEY), dict) for i in images):
        raise BadFileError(f'is not an annotation of AI Challenger: it has no "{_KEY}"', where=head.path)
    names = [str(image.get("image_id", at))[:400] for at, image in enumerate(images)]
    numbers, video = numbers_of_images(names)
    gathering = Gathering(head.path)
    for name, image in zip(names, images):
        gathering.frame(numbers[name], len(image[_KEY]))
        for points in image[_KEY].values():
            if not isinstance(points, list) or len(points) % 3:
                raise BadFileError(f"the joints of image {name[:60]!a} are not x, y and a flag each", where=head.path)
            flat = [_value(v, at) for at, v in enumerate(points)]
            gathering.person(numbers[name], flat, where=head.path)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    built = gathering.build(FORMAT, sparse=1.5, layout="aic14" if joints == 14 else None)
    return [built if video else replace(built, consecutive=False)]


def _value(value: object, at: int) -> object:
    """A coordinate as it is, a flag as a confidence."""
    flag = number_of(value)
    return value if at % 3 < 2 or flag is None else _CONFIDENCE_OF_FLAG.get(int(flag) if 0 <= flag < 4 else 3, 0.0)
