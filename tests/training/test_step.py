"""The training step: the plain one is the loop as anybody would write it, the others train the same."""

import copy
import itertools

import pytest
import torch

from srnet_core.batch import Batch
from srnet_core.config import ModelConfig, TrainConfig
from srnet_core.engine import compiled as _compiled
from srnet_core.engine import training_form
from srnet_core.engine.acceleration import Acceleration
from srnet_core.engine.cuda_graph import WARM_UP, GraphedStep
from srnet_core.engine.running_statistics import RunningStatistics
from srnet_core.models import build_model
from srnet_core.training.loop import Notice, Progress, Step, train_epochs
from srnet_core.training.losses import joint_error, l1_loss
from srnet_core.training.optimizer import make_optimizer
from srnet_core.training.schedule import batchnorm_momentum, learning_rate
from srnet_core.training.step import TrainingStep

PLAIN, GRAPHED = Acceleration(), Acceleration(graphs=True)
SIZES = (16, 16, 16, 16, 16, 16, 5)  # of the batches of an epoch
EPOCHS = 3


def network(**settings):
    torch.manual_seed(5)
    return build_model(ModelConfig(**{"filter_widths": (3, 3), "channels": 40} | settings))


def batches(epoch: int, sizes=SIZES, frames=9, device="cpu", targets=1) -> list[Batch]:
    """Targets that follow from the inputs, so that there is something to learn."""
    generator = torch.Generator().manual_seed(epoch)
    found = []
    for size in sizes:
        x = torch.randn(size, frames + targets - 1, 17, 2, generator=generator)
        y = torch.cat([x, x[..., :1] * x[..., 1:]], dim=-1)[:, frames // 2 : frames // 2 + targets] / 2
        found.append(Batch(x.to(device), y.to(device), torch.ones(size, targets, 1, device=device)))
    return found


def decode(pose_3d, parameters):
    return pose_3d * parameters[..., None, :1]


class PlayedGraphs:
    """Stands in for CUDA: what is captured reads its static batch and writes its static loss when it is played."""

    def __init__(self):
        self.warmed = self.captured = self.replayed = 0

    def warm_up(self, run):
        self.warmed += 1
        return run()

    def capture(self, run):
        self.captured += 1
        result = torch.full((), torch.nan)

        def replay():
            self.replayed += 1
            result.copy_(run())

        return replay, result


def train(acceleration=PLAIN, graphs=None, epochs=EPOCHS, model=None, **config):
    """(model, losses of all steps, sums of each epoch, step)."""
    model = model or network()
    config = TrainConfig(epochs=epochs, lr=3e-3, **config)
    step = TrainingStep(model, make_optimizer(model, config), config, decode, acceleration=acceleration, graphs=graphs)
    losses, sums = [], []
    for epoch in range(epochs):
        step.begin_epoch(learning_rate(config.lr, 0.95, epoch), batchnorm_momentum(epoch, epochs))
        losses += [step(batch) for batch in batches(epoch)]
        sums.append([float(total) for total in step.sums])
    return model, torch.stack(losses), sums, step


def plain_loop(epochs=EPOCHS, arranged=False):
    """The same without any of our classes, or with none but the optimizer in flat memory."""
    model = network()
    forward = training_form(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, amsgrad=True, fused=True)
    if arranged:
        optimizer = make_optimizer(model, TrainConfig(lr=3e-3))
        optimizer.arrange()
    losses, sums = [], []
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = learning_rate(3e-3, 0.95, epoch)
        model.set_bn_momentum(batchnorm_momentum(epoch, epochs))
        loss_sum = error_sum = 0.0
        for batch in batches(epoch):
            model.train()
            optimizer.zero_grad(set_to_none=True)
            predicted = forward(batch.pose_2d)
            loss = l1_loss(predicted, batch.pose_3d)
            loss.backward()
            if arranged:
                for parameter, own in optimizer.gradients.items():
                    parameter.grad = own.copy_(parameter.grad)
            optimizer.step()
            losses.append(loss.detach())
            loss_sum = loss_sum + loss.detach() * len(batch.pose_2d)
            error_sum = error_sum + joint_error(predicted.detach(), batch.pose_3d) * len(batch.pose_2d)
        sums.append([float(loss_sum), float(error_sum)])
    return model, torch.stack(losses), sums


def no_gradient(key: str) -> bool:
    """A bias before a BatchNorm: Adam makes steps of rounding there, and the running mean follows it."""
    return (".m_conv." in key and key.endswith(".bias")) or ("get_part_info.layers_bn" in key and "mean" in key)


def assert_same(first, second, **tolerance):
    expected, found = (m.state_dict() for m in (first, second))
    for key, value in expected.items():
        if tolerance and no_gradient(key):
            continue
        if tolerance:
            torch.testing.assert_close(found[key], value, **tolerance, msg=lambda m, key=key: f"{key}: {m}")
        else:
            assert torch.equal(found[key], value), key


def test_the_plain_step_is_the_plain_loop_to_the_bit():
    expected_model, expected, expected_sums = plain_loop(arranged=True)
    model, losses, sums, _ = train()
    assert torch.equal(losses, expected) and sums == expected_sums
    assert_same(expected_model, model)


def test_the_plain_step_is_the_loop_with_torch_s_adam():
    """The last bit of a weight may differ, as in flat memory more of them are computed by the processor's vectors."""
    expected_model, expected, expected_sums = plain_loop()
    model, losses, sums, _ = train()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-6)
    assert sums == [pytest.approx(of_epoch, rel=1e-5) for of_epoch in expected_sums]
    assert_same(expected_model, model, rtol=1e-3, atol=1e-4)


def test_windows_of_several_targets_go_through_forward():
    config = TrainConfig(stride=4)
    model = network()
    step = TrainingStep(model, make_optimizer(model, config), config)
    step.begin_epoch(1e-3, 0.1)
    assert torch.isfinite(step(batches(0, (4,), targets=4)[0]))


# ---------------------------------------------------------------- a captured step


def test_a_captured_step_trains_on_every_batch_once_and_as_the_plain_one():
    graphs = PlayedGraphs()
    expected_model, expected, expected_sums, _ = train()
    model, losses, sums, step = train(GRAPHED, graphs)
    full = EPOCHS * (len(SIZES) - 1)
    assert (graphs.warmed, graphs.captured, graphs.replayed) == (WARM_UP, 1, full - WARM_UP)
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(sums, expected_sums, rtol=1e-5, atol=0)
    assert_same(expected_model, model, rtol=1e-4, atol=1e-5)
    assert not step.take_notices()


def test_a_replayed_step_sees_settings_that_change_without_being_captured_again():
    """At learning rate 0 the weights stay; at momentum 0 the statistics do."""
    model, config, graphs = network(), TrainConfig(), PlayedGraphs()
    step = TrainingStep(model, make_optimizer(model, config), config, acceleration=GRAPHED, graphs=graphs)
    step.begin_epoch(1e-3, 0.1)
    every = batches(0, (16,) * 6)
    for batch in every:
        step(batch)
    step.begin_epoch(0.0, 0.0)
    before = copy.deepcopy(model.state_dict())
    for batch in every:
        step(batch)
    assert_same_but(model, before, ("num_batches_tracked",))
    step.begin_epoch(0.0, 0.5)
    step(every[0])
    assert not torch.equal(model.expand_bn.running_mean, before["expand_bn.running_mean"])
    assert graphs.captured == 1


def assert_same_but(model, before, changing):
    for key, value in model.state_dict().items():
        assert key.endswith(changing) or torch.equal(value, before[key]), key


def test_losses_of_a_captured_step_are_not_written_over():
    seen = []
    step = GraphedStep(lambda batch: batch.pose_2d.sum(), PlayedGraphs())
    for number in range(8):
        seen.append(step(Batch(torch.full((2, 1), float(number)), torch.zeros(2, 1))))
    assert [float(loss) for loss in seen] == [2.0 * n for n in range(8)]


def test_batches_handed_over_in_memory_that_is_used_again_are_copied_before_they_change():
    """Samplers lend their memory again as soon as nobody holds the batch."""
    lent = torch.zeros(2, 1)
    step = GraphedStep(lambda batch: batch.pose_2d.sum(), PlayedGraphs())
    for number in range(6):
        lent.fill_(number)
        assert float(step(Batch(lent, torch.zeros(2, 1)))) == 2.0 * number


def test_shapes_that_alternate_are_never_captured():
    graphs = PlayedGraphs()
    step = GraphedStep(lambda batch: batch.pose_2d.sum(), graphs)
    for size in (3, 2) * 10:
        step(Batch(torch.ones(size, 1), torch.zeros(size, 1)))
    assert (graphs.captured, graphs.warmed) == (0, 20)


def test_after_release_a_step_is_captured_anew():
    graphs = PlayedGraphs()
    step = GraphedStep(lambda batch: batch.pose_2d.sum(), graphs)
    for _ in range(2):
        for _ in range(WARM_UP + 2):
            assert float(step(Batch(torch.ones(3, 1), torch.zeros(3, 1)))) == 3
        step.release()
    assert graphs.captured == 2


class NoGraphs(PlayedGraphs):
    def capture(self, run):
        raise torch.OutOfMemoryError("CUDA out of memory.\nand more lines")


def test_what_cannot_be_captured_is_trained_as_it_is_and_said_once():
    expected_model, expected, *_ = train()
    model, losses, _, step = train(GRAPHED, NoGraphs())
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=0)
    assert_same(expected_model, model, rtol=1e-4, atol=1e-5)
    (notice,) = step.take_notices()
    assert "no CUDA graph" in notice and notice.endswith("OutOfMemoryError: CUDA out of memory.)")
    assert step.take_notices() == [] and step.in_use == PLAIN != step.acceleration


def test_the_loop_tells_what_did_not_work(monkeypatch):
    class Given:
        def __init__(self):
            import numpy as np

            self.random = np.random.RandomState(0)

        def __len__(self):
            return len(SIZES)

        def epoch(self, *, skip=0):
            return iter(batches(0)[skip:])

    model, config = network(), TrainConfig(epochs=2)
    optimizer = make_optimizer(model, config)
    step = TrainingStep(model, optimizer, config, decode, acceleration=GRAPHED, graphs=NoGraphs())
    events = list(train_epochs(model, Given(), optimizer, config, Progress(), decode, step))
    assert [type(e) for e in events].count(Notice) == 1
    before = list(itertools.takewhile(lambda e: not isinstance(e, Notice), events))
    assert sum(isinstance(e, Step) for e in before) == WARM_UP


# ---------------------------------------------------------------- statistics


@pytest.mark.parametrize("compat", ["trained", "original"])
def test_momentum_on_the_device_moves_statistics_as_momentum_in_the_module(compat):
    plain = network(compat=compat)
    ours = copy.deepcopy(plain)
    statistics = RunningStatistics(ours)
    for epoch, momentum in enumerate((0.1, 0.03, 0.9)):
        for model in (plain, ours):
            model.train().set_bn_momentum(momentum)
        statistics.take_momentum()
        for batch in batches(epoch, (16, 7)):
            plain.forward_strided(batch.pose_2d)
            with statistics.collected():
                ours.forward_strided(batch.pose_2d)
    assert_same(plain, ours, rtol=1e-5, atol=1e-6)
    context = ours.expand_conv.get_part_info.layers_bn[0].momentum
    assert (ours.expand_bn.momentum, context) == (0.9, 0.1 if compat == "original" else 0.9)


def test_momentum_is_back_after_an_error():
    model = network()
    with pytest.raises(KeyError), RunningStatistics(model).collected():
        assert model.expand_bn.momentum == 1.0
        raise KeyError
    assert model.expand_bn.momentum == 0.1


# ---------------------------------------------------------------- precision


def test_bf16_trains_nearly_as_fp32_with_weights_statistics_and_adam_in_float32():
    _, expected, *_ = train(epochs=20)
    model = network()
    seen = []
    model.expand_bn.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].dtype))
    model, losses, _, step = train(Acceleration("bf16"), epochs=20, model=model)
    assert set(seen) == {torch.bfloat16}
    assert {v.dtype for v in model.state_dict().values()} == {torch.float32, torch.int64}
    assert {v.dtype for s in step._optimizer.state.values() for v in s.values()} == {torch.float32}
    assert losses.dtype == torch.float32 and not torch.equal(losses, expected)
    first, last, wanted = losses[:7].mean(), losses[-7:].mean(), expected[-7:].mean()
    assert last < 0.9 * first
    torch.testing.assert_close(last, wanted, rtol=0.02, atol=0)
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("structure", ["fc", "gcn", "lcn", "late_fusion", "early_split", "split_fuse_split", "group"])
def test_bf16_trains_every_structure(structure):
    expected, found = (train(Acceleration(p), epochs=1, model=network(name=structure))[1] for p in ("fp32", "bf16"))
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)


# ---------------------------------------------------------------- compiled


@pytest.fixture
def traced(monkeypatch):
    """torch.compile with its front half only: what it traces is run as it is, without waiting for a compiler."""
    compiled = torch.compile
    made = []

    def quick(function, **settings):
        made.append(settings)
        return compiled(function, backend="aot_eager", **settings)

    monkeypatch.setattr(_compiled.torch, "compile", quick)
    return made


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_compiled_network_inside_a_captured_step_trains_as_the_plain_one(traced, precision):
    expected_model, expected, *_ = train(Acceleration(precision))
    graphs = PlayedGraphs()
    model, losses, _, step = train(Acceleration(precision, compile=True, graphs=True), graphs)
    assert step.take_notices() == [] and len(traced) == 1 and graphs.captured == 1
    rounding = {"fp32": 1e-4, "bf16": 0.02}[precision]
    torch.testing.assert_close(losses, expected, rtol=rounding, atol=0)
    if precision == "fp32":
        assert_same(expected_model, model, rtol=1e-3, atol=1e-4)


def test_trying_out_the_compiled_network_changes_nothing(traced):
    model, config = network(dropout=0.2), TrainConfig()
    step = TrainingStep(model, make_optimizer(model, config), config, acceleration=Acceleration(compile=True))
    step.begin_epoch(1e-3, 0.1)
    first, second = batches(0, (16, 16))
    step(first)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    step._compiled.prepare(second)
    assert traced
    assert_same_but(model, before, ())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None for p in model.parameters())


def broken(kind):
    def compile(function, **_):
        def run(x):
            if kind == "raises":
                raise RuntimeError("no compiler found\nsecond line")
            return 1.5 * function(x)

        return run

    return compile


@pytest.mark.parametrize(("kind", "said"), [("raises", "RuntimeError: no compiler found"), ("wrong", "not (")])
def test_a_compiler_that_fails_or_gives_other_numbers_is_not_used(monkeypatch, kind, said):
    monkeypatch.setattr(_compiled.torch, "compile", broken(kind))
    expected_model, expected, *_ = train()
    model, losses, _, step = train(Acceleration(compile=True))
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=0)
    assert_same(expected_model, model, rtol=1e-4, atol=1e-5)
    (notice,) = step.take_notices()
    assert "uncompiled" in notice and said in notice and "\n" not in notice
