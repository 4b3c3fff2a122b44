"""torch's own tools for training: weight averages with BatchNorm statistics, LBFGS, pruning, FSDP2."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.utils import prune
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from srnet_core.config import TrainConfig
from srnet_core.engine import inference_form, training_form
from srnet_core.models import build_model
from srnet_core.sampling.windows import WindowSampler
from srnet_core.training.loop import Progress, make_optimizer, train_epochs

MODELS = ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")
WINDOWS = torch.randn(8, 9, 17, 2, generator=torch.Generator().manual_seed(2))
TARGETS = torch.randn(8, 1, 17, 3, generator=torch.Generator().manual_seed(3))
CLIP = torch.randn(2, 30, 17, 2, generator=torch.Generator().manual_seed(0))


def make(name, **settings):
    torch.manual_seed(0)
    return build_model(name, **{"channels": 68, "filter_widths": (3, 3), **settings}).train()


def loss_of(model):
    return (model(WINDOWS) - TARGETS).abs().mean()


def train(model, optimizer, steps, after=lambda: None):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
        after()


@pytest.mark.parametrize("average", [None, get_ema_multi_avg_fn(0.5)], ids=["swa", "ema"])
@pytest.mark.parametrize("name", MODELS)
def test_averaged_weights_and_their_batchnorm_statistics(name, average):
    """`update_bn` runs the averaged network over the data; its statistics are those of its own activations."""
    model = make(name)
    averaged, optimizer = AveragedModel(model, multi_avg_fn=average), torch.optim.SGD(model.parameters(), 0.1)
    schedule, snapshots = SWALR(optimizer, swa_lr=0.05, anneal_epochs=1), []

    def after():
        averaged.update_parameters(model)
        schedule.step()
        snapshots.append(model.expand_bn.bias.detach().clone())

    train(model, optimizer, 3, after)
    first, second, third = snapshots
    expected = (first + second + third) / 3 if average is None else 0.25 * first + 0.25 * second + 0.5 * third
    torch.testing.assert_close(averaged.module.expand_bn.bias, expected)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    seen = []
    averaged.module.expand_bn.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
    update_bn([WINDOWS], averaged)
    width = averaged.module.expand_bn.num_features
    rows = (seen[0] if seen[0].ndim == 2 else seen[0].movedim(1, -1)).reshape(-1, width)
    torch.testing.assert_close(averaged.module.expand_bn.running_mean, rows.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(averaged.module.expand_bn.running_var, rows.var(0), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        fast = inference_form(averaged.module.eval())
        torch.testing.assert_close(fast(CLIP), averaged.eval()(CLIP), rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", [lambda model: model, training_form], ids=["model", "training_form"])
@pytest.mark.parametrize("name", MODELS)
def test_lbfgs(name, form):
    """It keeps parameters and gradients as one flat vector, so weights must be contiguous."""
    model = make(name)
    forward, optimizer = form(model), torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)

    def closure():
        optimizer.zero_grad()
        loss = (forward(WINDOWS) - TARGETS).square().mean()
        loss.backward()
        return loss

    before = optimizer.step(closure).item()
    assert closure().item() < 0.97 * before


@pytest.mark.parametrize("name", [name for name in MODELS if name != "lcn"])  # has no `nn.Conv1d`
def test_pruned_convolutions_train_and_stay_pruned(name):
    """Group convolutions are used without being called, while pruning computes their weights before a call."""
    model = make(name)
    convolutions = [(module, "weight") for module in model.modules() if isinstance(module, nn.Conv1d)]
    prune.global_unstructured(convolutions, pruning_method=prune.L1Unstructured, amount=0.5)
    forward, optimizer = training_form(model), torch.optim.SGD(model.parameters(), 0.1)
    train(forward, optimizer, 2)
    fast = inference_form(copy_of_pruned(model).eval())
    with torch.no_grad():
        expected = model.eval()(CLIP)
        torch.testing.assert_close(fast(CLIP), expected, rtol=0, atol=1e-5)
    for convolution, _ in convolutions:
        assert torch.equal(convolution.weight, convolution.weight_orig * convolution.weight_mask)
        prune.remove(convolution, "weight")
    with torch.no_grad():
        torch.testing.assert_close(model(CLIP), expected, rtol=0, atol=0)
    zeros = sum(int((convolution.weight == 0).sum()) for convolution, _ in convolutions)
    assert zeros / sum(convolution.weight.numel() for convolution, _ in convolutions) >= 0.49


def copy_of_pruned(model):
    """`copy.deepcopy` refuses the computed weights, which are not leaves of the graph; they are computed again."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d):
            module.weight = module.weight.detach()
    return copy.deepcopy(model)


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available(), reason="torch is built without torch.distributed")
@pytest.mark.filterwarnings("ignore")
def test_fsdp2_trains_to_the_same_weights(mesh):
    for name in MODELS:
        model = make(name)
        sharded = copy.deepcopy(model)
        for layer in sharded.layers_conv:
            fully_shard(layer, mesh=mesh)
        fully_shard(sharded, mesh=mesh)
        for network in (model, sharded):
            train(network, torch.optim.Adam(network.parameters(), 1e-3, amsgrad=True), 2)
        for ours, theirs in zip(model.parameters(), sharded.parameters(), strict=True):
            torch.testing.assert_close(theirs.full_tensor(), ours, rtol=0, atol=0)


def trained_by_the_engine(name):
    """A network after an epoch of `train_epochs`, which lays weights out in an order of its own meanwhile."""
    model = make(name)
    config = TrainConfig(epochs=1, batch_size=8)
    sampler = WindowSampler(
        torch.randn(20, 17, 2, generator=torch.Generator().manual_seed(4)),
        torch.randn(20, 17, 3, generator=torch.Generator().manual_seed(5)),
        [(0, 20)],
        model.skeleton.mirror,
        receptive_field=9,
        causal=False,
        windows_per_batch=8,
    )
    optimizer = make_optimizer(model, config)
    layouts = set()
    for _ in train_epochs(model, sampler, optimizer, config, Progress()):
        layouts.add(all(p.is_contiguous() for p in model.parameters()))
    assert layouts == {name not in ("srnet", "fc")}  # else this proves nothing
    return model, optimizer


def trained_by_hand(name):
    model = make(name)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    train(training_form(model), optimizer, 2)
    return model, optimizer


@pytest.mark.parametrize("trained", [trained_by_the_engine, trained_by_hand])
@pytest.mark.parametrize("name", ["srnet", "fc", "gcn"])
def test_after_training_by_the_engine_weights_lie_as_everybody_expects(name, trained, tmp_path):
    model, optimizer = trained(name)
    for parameter in model.parameters():
        tensors = [parameter, *optimizer.state[parameter].values()]
        assert all(t.is_contiguous() and t.untyped_storage().nbytes() == t.nbytes for t in tensors)
    vector = nn.utils.parameters_to_vector(model.parameters())
    nn.utils.vector_to_parameters(vector.clone(), model.parameters())
    for convolution in [m for m in model.modules() if isinstance(m, nn.Conv1d)]:
        weight = convolution.weight.detach()
        assert weight.view(-1).shape == weight.flatten().shape
        nn.init.orthogonal_(convolution.weight)
        nn.init.kaiming_normal_(convolution.weight)
    before = loss_of(model).item()
    lbfgs = torch.optim.LBFGS(model.parameters(), lr=0.01, max_iter=2)

    def closure():
        lbfgs.zero_grad()
        loss = loss_of(model)
        loss.backward()
        return loss

    lbfgs.step(closure)
    assert loss_of(model).item() != before
    file = tmp_path / "weights.bin"
    torch.save(model.state_dict(), file)
    bytes_of_weights = sum(t.nbytes for t in model.state_dict().values())
    assert file.stat().st_size < 1.5 * bytes_of_weights + 1000 * len(model.state_dict())
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(model.state_dict(), tmp_path / "weights.safetensors")
    assert safetensors.load_file(tmp_path / "weights.safetensors").keys() == model.state_dict().keys()


@pytest.mark.skipif(not dist.is_available(), reason="torch is built without torch.distributed")
@pytest.mark.filterwarnings("ignore")
def test_pruning_and_fsdp2_after_training_by_the_engine(mesh):
    model, _ = trained_by_the_engine("srnet")
    pruned = copy.deepcopy(model)
    convolutions = [(module, "weight") for module in pruned.modules() if isinstance(module, nn.Conv1d)]
    prune.global_unstructured(convolutions, pruning_method=prune.L1Unstructured, amount=0.5)
    train(training_form(pruned), torch.optim.SGD(pruned.parameters(), 0.1), 1)
    sharded = copy.deepcopy(model)
    fully_shard(sharded, mesh=mesh)
    for network in (model, sharded):
        train(network, torch.optim.Adam(network.parameters(), 1e-3, amsgrad=True), 2)
    for ours, theirs in zip(model.parameters(), sharded.parameters(), strict=True):
        torch.testing.assert_close(theirs.full_tensor(), ours, rtol=0, atol=0)


@pytest.mark.parametrize("name", MODELS)
def test_compiled_as_one_graph_it_trains_as_before(name):
    """`torch.compile` with the backend that needs no compiler; `fullgraph` refuses code that it cannot follow."""
    model = make(name)
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager", fullgraph=True)
    for network in (model, compiled):
        loss_of(network).backward()
    torch.testing.assert_close(compiled(WINDOWS), model(WINDOWS), rtol=0, atol=1e-5)
    for (key, ours), theirs in zip(model.named_parameters(), compiled.parameters()):
        if ours.grad is not None:
            torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-3, atol=1e-6, msg=key)
