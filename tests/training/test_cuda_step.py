"""The training step on CUDA. Skipped, visibly, where there is none."""

import numpy as np
import pytest
import torch
from test_step import assert_same, batches, decode, network

from srnet_core.config import TrainConfig
from srnet_core.engine.acceleration import Acceleration, has_triton
from srnet_core.sampling.windows import WindowSampler
from srnet_core.training.loop import Epoch, Progress, train_epochs
from srnet_core.training.optimizer import load_optimizer_state, make_optimizer, optimizer_state_to_store
from srnet_core.training.step import TrainingStep

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICE = "cuda"
STEPS, BATCH = 20, 64


def trained(acceleration: Acceleration, *, watched: bool = False, lr: float = 1e-4, **settings):
    """(model, losses, step) after 20 steps of full batches and one of a partial batch in each of two epochs."""
    model = network(**settings).to(DEVICE)
    config = TrainConfig(lr=lr, batch_size=BATCH)
    step = TrainingStep(model, make_optimizer(model, config), config, decode, acceleration=acceleration)
    losses = []
    for epoch, (rate, momentum) in enumerate(((lr, 0.1), (lr / 2, 0.03))):
        every = batches(epoch, (*[BATCH] * STEPS, 7), device=DEVICE)
        step.begin_epoch(rate, momentum)
        for batch in every:
            if watched and epoch:  # the first epoch compiles and captures, for which it waits
                torch.cuda.set_sync_debug_mode("error")
            try:
                losses.append(step(batch))
            finally:
                torch.cuda.set_sync_debug_mode("default")
    return model, torch.stack(losses), step


def plain(**settings):
    return trained(Acceleration(), **settings)


@pytest.mark.parametrize("structure", ["srnet", "fc", "gcn", "lcn"])
def test_a_graph_trains_as_the_plain_step(structure):
    expected_model, expected, _ = plain(name=structure)
    model, losses, step = trained(Acceleration(graphs=True), name=structure)
    assert step.take_notices() == [] and step._graphed._replay is not None
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=0)
    assert_same(expected_model, model, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not has_triton(), reason="needs triton")
def test_compiled_inside_a_graph_trains_as_the_plain_step():
    _, expected, _ = plain()
    _, losses, step = trained(Acceleration(compile=True, graphs=True))
    assert step.take_notices() == []
    torch.testing.assert_close(losses, expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize(("precision", "rounding"), [("tf32", 0.01), ("bf16", 0.03)])
def test_other_precisions_train_nearly_as_fp32(precision, rounding, graphs):
    before = torch.backends.cuda.matmul.fp32_precision
    _, expected, _ = plain()
    _, losses, _ = trained(Acceleration(precision, graphs=graphs))
    torch.testing.assert_close(losses, expected, rtol=rounding, atol=0)
    assert torch.backends.cuda.matmul.fp32_precision == before


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_no_step_waits_for_the_device(precision, graphs):
    trained(Acceleration(precision, graphs=graphs), watched=True)


def test_dropout_is_drawn_anew_in_every_replay():
    model = network(dropout=0.5).to(DEVICE)
    config = TrainConfig()
    step = TrainingStep(model, make_optimizer(model, config), config, decode, acceleration=Acceleration(graphs=True))
    step.begin_epoch(0.0, 0.0)
    (batch,) = batches(0, (BATCH,), device=DEVICE)
    losses = [float(step(batch)) for _ in range(10)]
    assert len(set(losses[-4:])) == 4


def test_a_state_goes_from_cuda_to_cpu_and_back():
    model = network().to(DEVICE)
    config = TrainConfig(lr=1e-4)
    optimizer = make_optimizer(model, config)
    step = TrainingStep(model, optimizer, config, decode, acceleration=Acceleration())
    step.begin_epoch(1e-4, 0.1)
    for batch in batches(0, (BATCH,) * 3, device=DEVICE):
        step(batch)
    stored = optimizer_state_to_store(optimizer, 0.1)
    for device in ("cpu", DEVICE):
        other = network().to(device)
        again = make_optimizer(other, config)
        load_optimizer_state(again, stored)
        step = TrainingStep(other, again, config, decode, acceleration=Acceleration())
        step.begin_epoch(1e-4, 0.1)
        step(batches(1, (BATCH,), device=device)[0])


def test_the_loop_trains_from_a_sampler_on_the_device():
    torch.manual_seed(0)
    frames = 600
    pose_2d, pose_3d = torch.randn(frames, 17, 2, device=DEVICE), torch.randn(frames, 17, 3, device=DEVICE)
    sampler = WindowSampler(
        pose_2d,
        pose_3d,
        [(0, frames)],
        tuple(np.arange(17)),
        receptive_field=9,
        causal=False,
        windows_per_batch=BATCH,
    )
    model, config = network().to(DEVICE), TrainConfig(epochs=3, batch_size=BATCH, device=DEVICE)
    events = list(train_epochs(model, sampler, make_optimizer(model, config), config, Progress()))
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert len(epochs) == 3 and epochs[-1].loss < epochs[0].loss
