"""RTMLib and Pose2Sim: JSON in OpenPose's form with numbers of joints that OpenPose itself never writes.

Only the number of joints tells: 26 is Halpe, 133 COCO-WholeBody, 17 COCO.
"""

from srnet_core.readers import openpose
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.openpose import LAYOUTS, LAYOUTS_OF_OTHERS, is_openpose, joints_of_sample, read_frames

FORMAT = "rtmlib"


def sniff(head: Head) -> float:
    return 0.9 if is_openpose(head) and joints_of_sample(head) in LAYOUTS_OF_OTHERS else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames; errors as `openpose.read`."""
    return [read_frames(head, options, FORMAT, {**LAYOUTS, **LAYOUTS_OF_OTHERS})]


# Writing


# the same form, under the name of those who write other numbers of joints
FORMS = {"rtmlib": openpose.FORMS["openpose"]}
