"""The networks that come with the package; docs/srnet-open.md tells what they were trained on and what they can do."""

from pathlib import Path

from srnet_core.errors import UnknownNameError
from srnet_core.lookup import nearest_hint

_BY_FRAMES = {(1, False): "srnet-open-1", (27, False): "srnet-open-27", (27, True): "srnet-open-27-causal"}
"""Names by (frames that the network sees at once, whether only past ones)."""

NAMES = tuple(_BY_FRAMES.values())
MEAN = "srnet-open"
"""The name of the weighted mean of two networks, for recordings: better than each of them on people of another data set
and on real detections (docs/srnet-open.md has the numbers)."""
MEAN_OF = {"srnet-open-27": 0.6, "srnet-open-1": 0.4}
"""The networks of `MEAN` with their shares, which were chosen on the people left out of training."""
MISTAKES = Path(__file__).with_name("mistakes.safetensors")
"""The small network that tells mistakes in keypoints, `srnet_core.inference.mistake_network`."""
SHORTEST_CLIP = 9
"""Frames: a shorter clip is lifted frame by frame, because most of what a long network would see is padding."""
SLOWEST_LIVE_FPS, FASTEST_LIVE_FPS = 15.0, 60.0
"""Frame rates at which a network trained at 25 frames per second is used live; docs/srnet-open.md has the errors."""


def weights_file(name: str = NAMES[0]) -> Path:
    """The file of a network that comes with the package.

    Raises:
        UnknownNameError: there is no such network; the message lists those there are.
    """
    if name not in NAMES:
        todo = f"{nearest_hint(name, (*NAMES, MEAN))}Choices: {', '.join((*NAMES, MEAN))}"
        raise UnknownNameError(f"no network {name!r} comes with the package", todo=todo)
    return Path(__file__).with_name(f"{name}.safetensors")


def network_name(frames: int = 1, causal: bool = False) -> str:
    """The name of the network that sees so many frames at once.

    Args:
        frames: 1 or 27.
        causal: past frames only, for live use; a network of one frame is causal anyway.

    Raises:
        UnknownNameError: there is no such network; the message lists those there are.
    """
    name = _BY_FRAMES.get((frames, causal and frames > 1))
    if name is None:
        raise UnknownNameError(
            f"no {'causal ' if causal else ''}network of {frames} frames comes with the package",
            todo=f"Choices: {', '.join(NAMES)}",
        )
    return name


def best_network(frames: int, *, consecutive: bool = True, live: bool = False, fps: float | None = None) -> str:
    """The name of the network for a recording: `MEAN` for a video, the one of one frame for pictures and short clips.

    For live use it is the causal one of many frames, or the one of one frame.

    Args:
        frames: of the recording; for live use any large number.
        consecutive: whether frames follow one another, as in a video.
        live: whether poses are wanted before later frames are there.
        fps: frames per second of a live recording, which cannot be brought to another rate; `None` where unknown. Far
            from the rate that the long networks were trained at, the one of single frames is better.
    """
    fits = not live or fps is None or SLOWEST_LIVE_FPS <= fps <= FASTEST_LIVE_FPS
    if not consecutive or frames < SHORTEST_CLIP or not fits:
        return network_name(1)
    return network_name(27, causal=True) if live else MEAN
