"""What the live page has to know of a network: joints, how to encode and decode, and the joints of MediaPipe."""

import json
from typing import Any

from srnet_core.checkpoint import Checkpoint
from srnet_core.errors import ConfigError
from srnet_core.layouts import get_layout
from srnet_core.models.backbone import TemporalBackbone

IN_THE_PAGE = ("base", "ray")  # normalizations that page/lift.js computes
_DETECTED = "blazepose33"


def page_about(checkpoint: Checkpoint, *, name: str) -> dict[str, Any]:
    """Plain values for `about.json`.

    Raises:
        ConfigError: the page cannot encode for this network, or it does not see the 17 joints of Human3.6M.
    """
    model, skeleton, config = checkpoint.model, checkpoint.skeleton, checkpoint.record.config
    normalization = config.data.normalization if config else "base"
    if normalization not in IN_THE_PAGE:
        raise ConfigError(
            f"the page cannot compute the normalization {normalization}",
            where=name,
            todo=f"Give a network trained with {' or '.join(IN_THE_PAGE)}",
        )
    if not isinstance(model, TemporalBackbone):
        raise ConfigError(f"the page cannot run the network {model.config.name} frame by frame", where=name)
    if not skeleton.name.startswith("h36m17"):
        raise ConfigError(f"the page shows networks of the 17 joints, and this one has {skeleton.name}", where=name)
    return {
        "model": name,
        "normalization": normalization,
        "joints": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "mirror": list(skeleton.mirror),
        "receptive_field": model.receptive_field,
        "delay_frames": model.pad - model.causal_shift,
        "states": json.dumps(model.stream_states()),
        "detector_layout": _DETECTED,
        "detector_matrix": get_layout(_DETECTED).matrix().tolist(),
    }
