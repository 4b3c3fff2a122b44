"""Where the time of a step and of a clip goes: that the script runs, on a small network."""

import pytest
import torch

from benchmarks import passes
from srnet_core.models import build_model


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_every_operation_of_a_step_and_of_a_clip_is_told():
    model = build_model("srnet", channels=40, filter_widths=(3, 3))
    step = passes.training_passes(model, batch=4, rounds=1)
    assert {"ProductPass.forward", "ContextPass.backward", "NormPass.collect", "optimizer"} <= step.keys()
    clip = passes.lifting_passes(model.eval(), 30, rounds=1)
    assert {"mul", "leaky_relu_"} <= clip.keys() and any(name.startswith("products") for name in clip)
    assert all(seconds >= 0 for seconds in (*step.values(), *clip.values()))
