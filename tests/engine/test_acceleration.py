"""Precision and acceleration: what a run does where, what is refused; no setting of the process is left behind."""

import pytest
import torch

from srnet_core.config import TrainConfig
from srnet_core.device import float32_products, require_precision
from srnet_core.engine import acceleration
from srnet_core.engine.acceleration import COMPILING_PAYS_STEPS, Acceleration, choose_acceleration
from srnet_core.errors import ConfigError, UnknownNameError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def ampere(monkeypatch):
    """A device with tensor cores and a compiler, as far as questions about it go."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (8, 0))
    monkeypatch.setattr(acceleration, "has_triton", lambda: True)


def test_on_cpu_nothing_is_accelerated_unless_asked():
    assert choose_acceleration(TrainConfig(), CPU, 10**9) == Acceleration("fp32", False, False)
    asked = choose_acceleration(TrainConfig(precision="bf16", compile="on"), CPU)
    assert asked == Acceleration("bf16", True, False) and str(asked) == "bf16, compiled"


def test_on_cuda_steps_are_graphs_and_long_runs_compiled(ampere, monkeypatch):
    long, short = COMPILING_PAYS_STEPS, COMPILING_PAYS_STEPS - 1
    assert choose_acceleration(TrainConfig(), CUDA, long) == Acceleration("fp32", True, True)
    assert choose_acceleration(TrainConfig(precision="tf32"), CUDA, short) == Acceleration("tf32", False, True)
    off = TrainConfig(compile="off", graphs="off")
    assert choose_acceleration(off, CUDA, long) == Acceleration()
    assert choose_acceleration(TrainConfig(compile="on"), CUDA, 1).compile
    monkeypatch.setattr(acceleration, "has_triton", lambda: False)
    assert not choose_acceleration(TrainConfig(), CUDA, long).compile


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"precision": "tf32"}, r"--precision: tf32 needs a CUDA device.*cpu"),
        ({"graphs": "on"}, r"--graphs: CUDA graphs need a CUDA device.*cpu"),
    ],
)
def test_what_a_cpu_does_not_have_is_refused(config, named):
    with pytest.raises(ConfigError, match=named):
        choose_acceleration(TrainConfig(**config), CPU)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_cuda_devices_without_tensor_cores_are_refused(monkeypatch, precision):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Turing")
    with pytest.raises(
        ConfigError, match=rf"--precision: {precision} needs compute capability 8\.0, and Turing has 7\.5"
    ):
        require_precision(precision, CUDA)
    require_precision("fp32", CUDA)


@pytest.mark.parametrize("field", ["precision", "compile", "graphs"])
def test_unknown_settings_are_refused(field):
    with pytest.raises(UnknownNameError, match=f"--{field}"):
        TrainConfig(**{field: "fast"})


# ---------------------------------------------------------------- tf32


matmul = torch.backends.cuda.matmul
needs_new_name = pytest.mark.skipif(not hasattr(matmul, "fp32_precision"), reason="torch before 2.9")


def settings() -> list:
    """All names of the setting; what torch refuses to tell as well."""
    found = [getattr(matmul, "fp32_precision", None), torch.backends.mkldnn.matmul.fp32_precision]
    for read in (torch.get_float32_matmul_precision, lambda: matmul.allow_tf32):
        try:
            found.append(read())
        except RuntimeError:
            found.append("mixed")
    return found


@pytest.fixture
def set_before():
    """Sets the process up as its user might have done, and puts everything back."""
    new = [(backend, backend.fp32_precision) for backend in (matmul, torch.backends.mkldnn.matmul)]

    def set_up(name: str) -> None:
        if name in ("highest", "high", "medium"):
            torch.set_float32_matmul_precision(name)
        else:
            matmul.fp32_precision = name

    yield set_up
    torch.set_float32_matmul_precision("highest")
    for backend, value in new:
        backend.fp32_precision = value


@needs_new_name
@pytest.mark.parametrize("before", ["none", "ieee", "tf32", "highest", "high", "medium"])
@pytest.mark.parametrize("tf32", [True, False])
def test_tf32_is_on_inside_and_as_it_was_outside(set_before, before, tf32):
    set_before(before)
    expected = settings()
    with float32_products(tf32):
        assert (matmul.fp32_precision == "tf32") == tf32
    assert settings() == expected
    with pytest.raises(KeyError), float32_products(tf32):
        raise KeyError
    assert settings() == expected


@needs_new_name
def test_inside_every_name_of_the_setting_can_be_read(set_before):
    """torch.compile reads the old one."""
    set_before("none")
    with float32_products(True):
        assert settings()[0] == "tf32" and settings()[2:] == ["high", True]
