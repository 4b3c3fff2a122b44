"""What a checkpoint of srnet tells beside its weights, checked before anything is built on it: files can be altered."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from srnet_core.body import BodySize
from srnet_core.errors import CheckpointError

_ALTERED = "It may be from another version of srnet, or altered"


def check_records(meta: Mapping[str, Any], num_joints: int) -> None:
    """Raise `CheckpointError` naming the record that cannot be used. Missing ones are no mistake.

    Args:
        meta: the dict `srnet` of a checkpoint.
        num_joints: of its skeleton, which the bones of `body_size` lie in.
    """
    _check_table(meta, _RECORDS, "")
    _check_table(meta.get("progress") or {}, _PROGRESS, "progress, ")
    if meta.get("body_size") is not None:
        body_size_of(meta["body_size"], num_joints)


def body_size_of(stored: Any, num_joints: int) -> BodySize:
    """The stored `BodySize`.

    Args:
        stored: {"bones": pairs of joint indices, "lengths_m": one number each, "scale": a number}.
        num_joints: joints of the skeleton.

    Raises:
        CheckpointError: anything else; the message names the field.
    """
    if not isinstance(stored, dict) or set(stored) != set(_BODY_SIZE):
        raise CheckpointError(f"body_size must be a table of {', '.join(_BODY_SIZE)}", todo=_ALTERED)
    for name, usable in _BODY_SIZE.items():
        if not usable(stored[name]):
            raise CheckpointError(f"body_size: {name} cannot be used", todo=_ALTERED)
    bones, lengths_m = stored["bones"], stored["lengths_m"]
    if len(bones) != len(lengths_m) or max(max(bone) for bone in bones) >= num_joints:
        raise CheckpointError(
            f"body_size: {len(bones)} bones with {len(lengths_m)} lengths do not fit {num_joints} joints", todo=_ALTERED
        )
    return BodySize(tuple(map(tuple, bones)), tuple(map(float, lengths_m)), float(stored["scale"]))


def _check_table(table: Mapping[str, Any], fields: Mapping[str, Callable[[Any], bool]], where: str) -> None:
    for name, usable in fields.items():
        if table.get(name) is not None and not usable(table[name]):
            raise CheckpointError(f"the records of its training cannot be used: {where}{name}", todo=_ALTERED)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_count(value)


def _is_length(value: Any) -> bool:
    return _is_number(value) and 0 <= value < math.inf


def _is_list_of(usable: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (list, tuple)) and all(usable(item) for item in value)


def _is_bone(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_count(joint) for joint in value)


def _is_byte(value: Any) -> bool:
    return _is_count(value) and value < 256


def _is_generator_state(value: Any) -> bool:
    if not _is_list_of(_is_byte)(value):
        return False
    try:
        torch.Generator().set_state(torch.tensor(value, dtype=torch.uint8))
    except RuntimeError:  # of another length, or not a state that the generator can be in
        return False
    return True


def _is_epoch(value: Any) -> bool:
    """An epoch that is trained and saved, but not yet measured: the numbers of `training.loop.Epoch`."""
    return isinstance(value, dict) and set(value) == _EPOCH and all(_is_number(number) for number in value.values())


def _is_order(value: Any) -> bool:
    """The order of the windows: `sampling.sampler.Sampler.order`."""
    if value == {"sampler": "resident"}:
        return True
    counts = {"blocks", "mixed"}
    return isinstance(value, dict) and set(value) == {"sampler", *counts} and value["sampler"] == "streamed" \
        and all(_is_count(value[name]) for name in counts)  # fmt: skip


def _is_config(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(section, dict) for section in value.values())


_RECORDS: Mapping[str, Callable[[Any], bool]] = {
    "config": _is_config,
    "progress": lambda value: isinstance(value, dict),
    "unreported": _is_epoch,
    "best_validation_mpjpe_mm": _is_number,
}
_EPOCH = {"epoch", "epochs", "loss", "train_mpjpe_mm", "lr", "seconds", "windows"}
_PROGRESS: Mapping[str, Callable[[Any], bool]] = {
    "step": _is_count,
    "windows": _is_count,
    "loss_sum": _is_number,
    "error_sum_m": _is_number,
    "torch_random": _is_generator_state,
    "cuda_random": _is_list_of(_is_byte),
    "order": _is_order,
}
_BODY_SIZE: Mapping[str, Callable[[Any], bool]] = {
    "bones": lambda value: bool(value) and _is_list_of(_is_bone)(value),
    "lengths_m": lambda value: _is_list_of(_is_length)(value) and any(value),
    "scale": _is_length,
}
