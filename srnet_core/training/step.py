"""One training step: forward, loss, backward, optimizer, running sums; plain, compiled, or as a CUDA graph.

A training step never waits for the device: loss and sums stay there until their values are read.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from srnet_core.batch import Batch
from srnet_core.config import TrainConfig
from srnet_core.device import float32_products
from srnet_core.engine import TrainingForm, training_form
from srnet_core.engine.acceleration import Acceleration, choose_acceleration
from srnet_core.engine.compiled import CompiledForward, Forward
from srnet_core.engine.cuda_graph import CudaGraphs, GraphedStep, Graphs
from srnet_core.engine.kernels import kernels_of_run
from srnet_core.engine.replicas import Replicas
from srnet_core.engine.running_statistics import RunningStatistics
from srnet_core.models.pose_model import PoseModel
from srnet_core.training.distributed import in_parallel, whole_batch
from srnet_core.training.losses import joint_error, l1_loss
from srnet_core.training.optimizer import FlatAdam, set_learning_rate


class TrainingStep:
    """Trains a model; each call is one training step on one batch.

    Args:
        model: the network, on its device.
        optimizer: what `make_optimizer` returns for this model.
        config: its `stride`, `precision`, `compile` and `graphs` are used.
        decode: converts the poses of a batch to metres, given the batch's parameters.
        steps: number of training steps of the whole run, which decides on "auto".
        acceleration: replaces the choice that follows from the configuration.
        graphs: captures training steps instead of CUDA, for tests.
        replicas: the processes that train on the other parts of each batch.

    Attributes:
        acceleration: the acceleration that is tried; `in_use` and `take_notices` say which parts of it work.
        kernels: how matrix products are computed on a CPU.
        sums: two numbers on the device: sums of loss and of joint error in metres, each times windows, since
            `begin_epoch`.

    Raises:
        ConfigError: the device does not support the precision or the acceleration.
    """

    def __init__(
        self,
        model: PoseModel,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        decode: Callable[[Any, Any], Any] = lambda pose_3d, parameters: pose_3d,
        *,
        steps: int = 0,
        acceleration: Acceleration | None = None,
        graphs: Graphs | None = None,
        replicas: Replicas | None = None,
    ):
        self._model, self._optimizer, self._decode = model, optimizer, decode
        self._device = next(model.parameters()).device
        self.acceleration = acceleration or choose_acceleration(config, self._device, steps)
        self.kernels, self._replicas = kernels_of_run(), replicas
        self._form = training_form(model, self.kernels, replicas)
        self._forward: Forward = self._form
        if replicas is not None:  # steps of several processes are neither compiled nor captured
            self.acceleration = replace(self.acceleration, compile=False, graphs=False)
            self._forward = in_parallel(self._form, self._device)
        self.sums = (torch.zeros((), device=self._device), torch.zeros((), device=self._device))
        accelerated = self.acceleration.compile or self.acceleration.graphs
        self._statistics = RunningStatistics(model) if accelerated else None
        self._compiled: CompiledForward | None = None
        self._graphed: GraphedStep | None = None
        if self.acceleration.compile:
            self._compiled = CompiledForward(model, self._forward, self._differentiate, self.acceleration.precision)
        if self.acceleration.graphs:
            self._graphed = GraphedStep(self._run, graphs or CudaGraphs(self._device))
        self._told: set[str] = set()

    def begin_epoch(
        self, lr: float, bn_momentum: float, loss_sum: float = 0.0, error_sum_m: float = 0.0, *, epoch: int = 0
    ) -> None:
        """Settings of an epoch, and the sums it continues from. Compiled and captured training steps stay valid.

        Args:
            epoch: number of finished epochs.
        """
        self._arrange()
        set_learning_rate(self._optimizer, lr)
        self._model.set_bn_momentum(bn_momentum)
        if self._statistics is not None:
            self._statistics.take_momentum()
        for total, start in zip(self.sums, (loss_sum, error_sum_m)):
            total.fill_(start)

    def __call__(self, batch: Batch) -> Tensor:
        """Train on a batch.

        Returns:
            (): the loss before the weights are updated, on the device.
        """
        if not self._model.training:
            self._model.train()
        with float32_products(self.acceleration.precision == "tf32") if self._device.type == "cuda" else _nothing():
            if self._compiled is not None:
                self._compiled.prepare(batch)
            return (self._run if self._graphed is None else self._graphed)(batch)

    @property
    def in_use(self) -> Acceleration:
        """`acceleration` without the parts that failed."""
        compile_failed = self._compiled is not None and bool(self._compiled.problem)
        graphs_failed = self._graphed is not None and bool(self._graphed.problem)
        return replace(
            self.acceleration,
            compile=self.acceleration.compile and not compile_failed,
            graphs=self.acceleration.graphs and not graphs_failed,
        )

    def take_notices(self) -> list[str]:
        """Sentences about accelerations that failed and are not used any more, each once."""
        found = []
        if self._compiled is not None and self._compiled.problem:
            found.append(
                f"the network is trained uncompiled, as torch.compile does not work here ({self._compiled.problem})"
            )
        if self._graphed is not None and self._graphed.problem:
            found.append(f"training steps are not captured, as no CUDA graph can be made ({self._graphed.problem})")
        new = [text for text in found if text not in self._told]
        self._told.update(new)
        return new

    def end_epoch(self) -> None:
        """Release memory that is not needed until the next training step, e.g. while the epoch is evaluated."""
        self._form.release()

    def release(self) -> None:
        """Release the memory of a captured training step, and give parameters and moments their usual memory layout."""
        if self._graphed is not None:
            self._graphed.release()
        self._form.release()
        if isinstance(self._optimizer, FlatAdam):
            self._optimizer.restore()

    def windows_of(self, batch: Batch) -> int:
        """Number of windows of a batch, those that other processes train on included."""
        return whole_batch(batch)

    def error_m(self, predicted: Tensor, batch: Batch) -> Tensor:
        """(): mean error in metres of what the network predicted for a batch."""
        return joint_error(*(self._decode(pose, batch.parameters) for pose in (predicted, batch.pose_3d)))

    def _run(self, batch: Batch) -> Tensor:
        """The part of a training step that a CUDA graph captures."""
        loss, predicted = self._differentiate(self._forward if self._compiled is None else self._compiled, batch)
        self._optimizer.step()
        error_m = self.error_m(predicted, batch)
        if self._replicas is not None:
            loss, error_m = self._of_whole_batch(self._replicas, loss, error_m, batch).unbind()
        for total, mean in zip(self.sums, (loss, error_m)):
            total.add_(mean * whole_batch(batch))
        return loss

    def _of_whole_batch(self, replicas: Replicas, loss: Tensor, error_m: Tensor, batch: Batch) -> Tensor:
        """(2,): mean loss and error of the parts of all processes."""
        return replicas.total(torch.stack([loss, error_m]) * len(batch.pose_2d)) / whole_batch(batch)

    def _differentiate(self, forward: Forward, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and prediction (B, S, J, 3) of a batch; the gradients of the loss are stored in the parameters."""
        found = self._directly(forward, batch.pose_2d, partial(l1_loss, target=batch.pose_3d))
        if found is not None:
            return found
        self._optimizer.zero_grad(set_to_none=True)
        with self._statistics.collected() if self._statistics is not None else _nothing():
            predicted = self._predict(forward, batch.pose_2d)
            loss = l1_loss(predicted, batch.pose_3d)
            self._backward(loss, batch)
        return loss.detach(), predicted.detach()

    def _arrange(self) -> None:
        """Lay out parameters and moments in memory as the fused step and the optimizer are fastest with.

        Nothing is moved where others rely on where parameters lie: other processes, or compiled and captured steps.
        """
        plain = self._replicas is None and not (self.acceleration.compile or self.acceleration.graphs)
        if plain and isinstance(self._optimizer, FlatAdam) and self._optimizer.gradients is None:
            for form in self._forms():
                form.lay_out()
            self._optimizer.arrange()

    def _forms(self) -> list[TrainingForm]:
        """The networks that are trained."""
        return [self._form]

    def _directly(
        self, forward: Forward, pose_2d: Tensor, loss: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor] | None:
        """Loss and prediction, with the gradients stored in the parameters, where no graph is needed for that."""
        if forward is not self._form or not isinstance(self._optimizer, FlatAdam):
            return None
        gradients = self._optimizer.gradients
        found = None if gradients is None else self._form.differentiate(pose_2d, loss, gradients)
        if gradients is not None and found is not None:
            for parameter, gradient in gradients.items():
                if parameter.grad is not gradient:
                    parameter.grad = gradient
        return found

    def _backward(self, loss: Tensor, batch: Batch) -> None:
        """Gradients of the mean loss of the whole batch, which are the mean of those of all processes."""
        if self._replicas is not None:
            loss = loss * (len(batch.pose_2d) * self._replicas.size / whole_batch(batch))
        loss.backward()

    def _predict(self, forward: Forward, pose_2d: Tensor) -> Tensor:
        """(B, S, J, 3) float32. With "bf16", autocast computes the matrix products of the network in bfloat16."""
        if self.acceleration.precision != "bf16":
            return forward(pose_2d)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            return forward(pose_2d).float()


_nothing = contextlib.nullcontext
