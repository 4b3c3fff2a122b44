"""Small lifters with random weights, and keypoints for them."""

from pathlib import Path

import numpy as np
import torch

import srnet_core as srnet
from srnet_core.body import BodySize
from srnet_core.checkpoint import Checkpoint, Record
from srnet_core.config import DataConfig, RunConfig
from srnet_core.inference.lifter import Lifter
from srnet_core.skeletons.h36m17 import SKELETON

CAMERA = srnet.Camera(
    id="c",
    orientation=(1, 0, 0, 0),
    translation_m=(0, 0, 0),
    width_px=1000,
    height_px=1002,
    focal_length_px=(1145.0, 1130.0),
    center_px=(512.0, 515.0),
)
BODY = BodySize(tuple(SKELETON.bones), (0.3,) * len(SKELETON.bones), 0.9)


def make_lifter(norm="base", *, flip=False, body=None, **fields):
    torch.manual_seed(3)
    fields = {"channels": 40, "filter_widths": (3, 3), "residual_2d": norm == "lcn"} | fields
    model = srnet.build_model(fields.pop("name", "srnet"), **fields).eval()
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if key.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif "m_conv" in key:
                value.normal_(0, 0.3)
    record = Record(config=RunConfig(DataConfig(normalization=norm)), body_size=body)
    checkpoint = Checkpoint(model, model.config, record=record, path=Path("made.bin"))
    return Lifter(checkpoint, device="cpu", flip=flip)


def clip_px(frames, seed=0):
    return np.random.default_rng(seed).uniform(300, 700, (frames, 17, 2)).astype(np.float32)
