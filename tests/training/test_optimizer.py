"""Adam's state: any Adam can load what ours stores, and ours what any Adam stores, however it lies in memory."""

import copy
import dataclasses

import pytest
import torch

from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from srnet_core.engine import training_form
from srnet_core.errors import CheckpointError
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare
from srnet_core.training.loop import Step
from srnet_core.training.optimizer import (
    FlatAdam,
    load_optimizer_state,
    make_optimizer,
    optimizer_state_to_store,
    set_learning_rate,
    stored_learning_rate,
)
from srnet_core.training.run import RunFiles, TrainingRun

MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")


def network(**settings):
    torch.manual_seed(3)
    form = training_form(build_model(ModelConfig(**{"filter_widths": (3, 3), "channels": 40} | settings)))
    form.lay_out()
    return form.model


def some_steps(model, optimizer, seed: int, count: int = 4) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=generator))
        optimizer.step()


def contiguous(state: dict) -> dict:
    """As another program stores it, which knows nothing of how weights in training form lie in memory."""
    state = copy.deepcopy(state)
    for values in state["state"].values():
        values.update({name: values[name].contiguous() for name in MOMENTS})
    return state


def test_weights_in_training_form_do_not_lie_in_memory_as_published():
    """If they do, the tests below prove nothing."""
    assert any(not p.is_contiguous() for p in network().parameters())


@pytest.mark.parametrize("as_stored", [contiguous, copy.deepcopy])
def test_a_loaded_state_goes_on_to_the_same_bits(as_stored):
    model = network()
    optimizer = make_optimizer(model, TrainConfig())
    some_steps(model, optimizer, 1)
    stored, weights = (
        as_stored(optimizer_state_to_store(optimizer, TrainConfig().lr)),
        copy.deepcopy(model.state_dict()),
    )
    some_steps(model, optimizer, 2)

    other = network()
    other.load_state_dict(weights)
    resumed = make_optimizer(other, TrainConfig(lr=0.5))
    load_optimizer_state(resumed, stored)
    assert resumed.param_groups[0]["lr"] == TrainConfig().lr and resumed.param_groups[0]["fused"]
    for parameter, state in resumed.state.items():
        assert all(state[name].stride() == parameter.stride() for name in MOMENTS)
    some_steps(other, resumed, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


def test_flat_memory_changes_nothing_but_the_last_bit():
    """A vector of the processor may hold what is computed one by one where every parameter lies alone."""
    plain, flat = network(), network()
    theirs = torch.optim.Adam(plain.parameters(), lr=TrainConfig().lr, amsgrad=True, fused=True)
    ours = make_optimizer(flat, TrainConfig())
    some_steps(plain, theirs, 1)
    some_steps(flat, ours, 1, 1)
    ours.arrange()
    generator = torch.Generator().manual_seed(1)
    for count in range(4):
        grads = [torch.randn(p.shape, generator=generator) for p in flat.parameters()]
        if not count:
            continue  # done above
        for parameter, grad in zip(flat.parameters(), grads):
            parameter.grad = ours.gradients[parameter]  # as the fused training step does
            parameter.grad.copy_(grad)
        ours.step()
    for a, b in zip(flat.parameters(), plain.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)
        for name in ("step", *MOMENTS):
            torch.testing.assert_close(ours.state[a][name], theirs.state[b][name], rtol=1e-6, atol=1e-9)


def test_arranged_parameters_are_restored_with_their_moments():
    model = network()
    optimizer = make_optimizer(model, TrainConfig())
    other = copy.deepcopy(model)
    some_steps(model, optimizer, 1)
    kept = make_optimizer(other, TrainConfig())
    some_steps(other, kept, 1)
    optimizer.arrange()
    assert len({p.untyped_storage().data_ptr() for p in model.parameters()}) == 1
    values = [p.detach().clone() for p in model.parameters()]
    some_steps(model, optimizer, 2)  # with gradients that lie elsewhere
    some_steps(other, kept, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
    assert not any(torch.equal(a, b) for a, b in zip(model.parameters(), values))
    optimizer.restore()
    for parameter, state in optimizer.state.items():
        for tensor in (parameter, parameter.grad, *state.values()):
            assert tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
    some_steps(model, optimizer, 3)
    some_steps(other, kept, 3)
    for a, b in zip(model.parameters(), other.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


def test_a_parameter_without_gradient_is_left_alone_in_flat_memory():
    model, other = network(), network()
    optimizer = make_optimizer(model, TrainConfig())
    theirs = torch.optim.Adam(other.parameters(), lr=TrainConfig().lr, amsgrad=True, fused=True)
    optimizer.arrange()
    for network_, adam in ((model, optimizer), (other, theirs)):
        for seed in range(3):
            some_steps(network_, _Without(adam, network_.expand_bn.weight, seed == 1), seed, 1)
    for a, b in zip(model.parameters(), other.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)
    assert float(optimizer.state[model.expand_bn.weight]["step"]) == 2


class _Without:
    """An optimizer that sees no gradient of one parameter in some steps."""

    def __init__(self, optimizer, parameter, without):
        self._optimizer, self._parameter, self._without = optimizer, parameter, without

    def step(self):
        if self._without:
            self._parameter.grad = None
        self._optimizer.step()


def test_what_cannot_be_moved_together_stays():
    model = network()
    first, *others = model.parameters()
    optimizer = FlatAdam([{"params": [first]}, {"params": others}], lr=0.1, amsgrad=True, fused=True)
    optimizer.arrange()
    assert optimizer.gradients is None
    some_steps(model, optimizer, 1)


def test_an_adam_that_is_not_fused_loads_what_we_store_and_goes_on_alike():
    model = network()
    optimizer = make_optimizer(model, TrainConfig())
    some_steps(model, optimizer, 1)
    other = copy.deepcopy(model)
    published = torch.optim.Adam(other.parameters(), lr=1.0, amsgrad=True)
    published.load_state_dict(copy.deepcopy(optimizer_state_to_store(optimizer, TrainConfig().lr)))
    (group,) = published.param_groups
    assert type(group["lr"]) is float and not group["fused"] and not group["capturable"]
    some_steps(model, optimizer, 2)
    some_steps(other, published, 2)
    for a, b in zip(model.parameters(), other.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_a_learning_rate_on_the_device_stays_the_same_tensor():
    """As a captured step needs it."""
    model = network()
    lr = torch.tensor(0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, amsgrad=True, fused=True)
    some_steps(model, optimizer, 1, 1)
    assert optimizer_state_to_store(optimizer, 0.1)["param_groups"][0]["lr"] == pytest.approx(0.1)
    set_learning_rate(optimizer, 0.025)
    assert optimizer.param_groups[0]["lr"] is lr and float(lr) == pytest.approx(0.025)
    stored = optimizer_state_to_store(optimizer, 0.1)
    stored["param_groups"][0]["lr"] = 0.5
    load_optimizer_state(optimizer, stored)
    assert isinstance(optimizer.param_groups[0]["lr"], torch.Tensor)
    assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", ["channels", "layers", "empty", "words", "shape"])
def test_a_state_of_another_network_is_refused_in_words(wrong):
    model = network()
    optimizer = make_optimizer(model, TrainConfig())
    some_steps(model, optimizer, 1, 1)
    state = copy.deepcopy(optimizer_state_to_store(optimizer, 0.1))
    if wrong == "empty":
        state = {}
    elif wrong == "words":
        state["param_groups"] = ["fast"]
    elif wrong == "shape":  # would broadcast
        state["state"][0]["exp_avg"] = torch.zeros(1)
    target = network(**{"channels": {"channels": 50}, "layers": {"filter_widths": (3,)}}.get(wrong, {}))
    with pytest.raises(CheckpointError, match=r"file\.bin: the optimizer state does not fit"):
        load_optimizer_state(make_optimizer(target, TrainConfig()), state, where="file.bin")


@pytest.mark.parametrize("run", ["h1_srnet_a111_base_ch42", "h4_srnet_a333_concat_base_ch42", "h8_fc_a111_base_ch64"])
def test_published_states_are_laid_out_as_our_parameters(golden_dir, run):
    found = load_checkpoint(golden_dir / f"H_e2e/H_{run}_latest_epoch_sr_h36m_gt2d.bin")
    optimizer = make_optimizer(found.model, TrainConfig())
    load_optimizer_state(optimizer, found.optimizer_state)
    stored = found.optimizer_state["state"]
    for number, parameter in enumerate(found.model.parameters()):
        if parameter not in optimizer.state:
            continue
        for name in MOMENTS:
            value = optimizer.state[parameter][name]
            assert value.stride() == parameter.stride() and torch.equal(value, torch.as_tensor(stored[number][name]))


def test_a_run_resumed_from_memory_laid_out_otherwise_ends_with_the_same_bits(small_data, tmp_path):
    data = DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",)
    )
    prepared = prepare(data)
    train = TrainConfig(epochs=2, batch_size=64, test_every=0, device="cpu")
    config = RunConfig(prepared.config, ModelConfig(filter_widths=(3, 3), channels=40), train)
    whole, parts = (RunFiles("run", tmp_path / n, tmp_path / n) for n in ("whole", "parts"))
    list(TrainingRun(config, prepared, whole))
    steps: list[Step] = []
    run = TrainingRun(config, prepared, parts, should_stop=lambda: len(steps) >= 3)
    for event in run:
        steps += [event] if isinstance(event, Step) else []
    checkpoint = load_checkpoint(parts.latest)
    assert checkpoint.record.arithmetic == checkpoint.record.config.train.precision == "fp32"
    other = dataclasses.replace(checkpoint, optimizer_state=contiguous(checkpoint.optimizer_state))
    list(TrainingRun(config, prepared, parts, resume=other))
    expected, found = (load_checkpoint(f.latest).model.state_dict() for f in (whole, parts))
    assert all(torch.equal(expected[key], found[key]) for key in expected)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad])
def test_the_state_of_another_optimizer_is_refused(kind):
    model = network()
    other = kind(model.parameters(), lr=0.1)
    some_steps(model, other, 1)
    with pytest.raises(CheckpointError, match=r"of another optimizer than Adam.*--finetune"):
        load_optimizer_state(make_optimizer(model, TrainConfig()), other.state_dict(), where="x.bin")


def test_a_state_of_torch_before_version_2():
    """Its groups have fewer settings, and the number of steps is no tensor."""
    model = network()
    optimizer = make_optimizer(model, TrainConfig())
    some_steps(model, optimizer, 1)
    state = contiguous(optimizer.state_dict())
    keep = ("lr", "betas", "eps", "weight_decay", "amsgrad", "params")
    state["param_groups"] = [{name: group[name] for name in keep} for group in state["param_groups"]]
    for values in state["state"].values():
        values["step"] = int(values["step"])
    again = make_optimizer(model, TrainConfig())
    load_optimizer_state(again, state)
    other = copy.deepcopy(model)
    some_steps(model, again, 2)
    kept = make_optimizer(other, TrainConfig())
    load_optimizer_state(kept, contiguous(optimizer.state_dict()))
    some_steps(other, kept, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


@pytest.mark.parametrize("state", [{}, {"param_groups": []}, {"param_groups": [{"lr": "x"}]}, {"param_groups": 3}])
def test_a_state_without_a_learning_rate(state):
    assert stored_learning_rate(state) is None
    assert stored_learning_rate({"param_groups": [{"lr": torch.tensor(0.25)}]}) == 0.25
