"""Checks of what a program hands to a lifter or a stream."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lifters import CAMERA, clip_px, make_lifter
from support.tries import tries

from srnet_core.errors import ArrayError
from srnet_core.inference.arguments import plainly_found, require_finite, require_found
from srnet_core.skeletons.h36m17 import SKELETON

ODD = [0.0, -0.0, -1.0, -3.0, 1e-45, 3e38, np.nan, np.inf, -np.inf, 500.0]


@settings(max_examples=tries(100), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 16), st.integers(0, 1), st.sampled_from(ODD)), max_size=4))
def test_the_quick_check_passes_nothing_that_the_exact_checks_refuse(changes):
    keypoints_px = clip_px(1)
    for joint, axis, value in changes:
        keypoints_px[0, joint, axis] = value
    if plainly_found(keypoints_px):
        require_finite(keypoints_px, SKELETON, todo="")
        require_found(keypoints_px, SKELETON, todo="")


def test_the_quick_check_passes_usual_frames():
    assert plainly_found(clip_px(3)) and not plainly_found(-clip_px(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_a_stream_takes_joints_left_of_the_image_and_refuses_those_not_found(dtype):
    live, frame = make_lifter(causal=True).stream(camera=CAMERA), clip_px(1)[0].astype(dtype)
    frame[5] = -20, 30
    assert live.push(frame).shape == (17, 3)
    frame[6] = 0
    with pytest.raises(ArrayError, match="was not found"):
        live.push(frame)


def test_a_tensor_with_gradients_is_refused_in_words():
    live, frame = make_lifter(causal=True).stream(camera=CAMERA), torch.from_numpy(clip_px(1)[0])
    assert live.push(frame).shape == (17, 3)
    with pytest.raises(ArrayError, match="detach"):
        live.push(frame.clone().requires_grad_())
