"""Where a file has the weights of a network: under which entry, and under which names.

Programs store a state dict under a name of their own, beside those of other networks, and classes around a network put
a prefix before the names of its tensors (`module.`, `model.`, `net_G.`). So every entry and every prefix is tried, and
those are taken that hold the tensors of a known network.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srnet_core.checkpoint._stored_forms import joined_weights
from srnet_core.errors import CheckpointError
from srnet_core.readers.inert import InertRecord

SHOWN = 4  # keys named in a message
_WHOLE = "model_pos"  # the entry of the published code
_CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params")
_PLACES = (_WHOLE, "", *_CONTAINERS)
_LAST = len(_PLACES)
_WRAPPERS = ("module", "model", "net", "network", "model_pos")  # of classes around the network that was trained
_IN_NAMES = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  # what torch puts into names
_BESIDE_WEIGHTS = ("_extra_state", "n_averaged", "total_ops", "total_params")  # of torch, and of thop
_KINDS = {"qtensor": "quantized tensor", "sparse": "sparse tensor", "meta_tensor": "tensor without values"}
_CHANGED = {  # by parts of names: what was done to the network, and what to do
    ".lora_": ("has LoRA adapters beside its weights", "Merge the adapters into the weights there (merge_and_unload)"),
    "_packed_params": ("is quantized", "Save the network there before it is quantized"),
}
_WITHOUT_WEIGHTS = {"param_groups": "an optimizer", "base_lrs": "a learning-rate schedule"}
_MOST_DEPTH, _MOST_ENTRIES, _MOST_PARTS, _MOST_PREFIXES = 4, 200, 8, 200
_WHAT_IS_READ = f"Weights are read from the entry {_WHOLE}, {', '.join(_CONTAINERS[:4])}, or a bare state dict"


@dataclass(frozen=True)
class Weights:
    """A state dict of a file.

    Attributes:
        state: tensors by name, without the prefixes of wrappers.
        place: the entry of the file, e.g. "model, state_dict"; empty for a bare state dict.
        notes: sentences: what was chosen, undone or left out.
        prefix: what stood before every name.
    """

    state: dict[str, Tensor]
    place: str
    notes: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def name(self) -> str:
        """Entry and prefix, for messages."""
        return ", ".join(filter(None, (self.place, self.prefix.rstrip(".")))) or "names without a prefix"

    @property
    def rank(self) -> int:
        """Which of several networks is read: the one of the lowest rank."""
        return _rank(self.place, self.prefix)


def locate_weights(content: Mapping[Any, Any], part: str, is_known: Callable[[Mapping[str, Tensor]], bool]) -> Weights:
    """The tensors of one network of a file.

    Args:
        part: the entry; other entries are tried if it is "model_pos" and the file has none.
        is_known: whether a state dict has the names of a known network.

    Raises:
        CheckpointError: there are no weights, those of several networks, or in a form that is not read.
    """
    if part in content:
        entries = list(_state_dicts(content[part], part, 0))
    elif part == _WHOLE:
        entries = list(_state_dicts(content, "", 0))
    else:
        entries = []
    found = [weights for place, raw in entries for weights in _networks_of(_tensors(raw), place, is_known)]
    if found:
        return _chosen(found)
    usual = [entry for entry in entries if _rank(entry[0]) < 2 * _LAST]
    if usual or len(entries) == 1:  # a network that is not known, or the only one; whoever uses it says what is wrong
        place, raw = min(usual or entries, key=lambda entry: _rank(entry[0]))
        return Weights(_unwrapped(_tensors(raw)), place)
    raise _without_weights(content, part)


def _without_weights(content: Mapping[Any, Any], part: str) -> CheckpointError:
    """The error for a file in which no state dict was found."""
    if not content:
        return CheckpointError("is empty: it has no weights", todo=_WHAT_IS_READ)
    chosen = {part: content[part]} if part in content else content
    for key, value in chosen.items():
        if isinstance(value, InertRecord) and value.is_torch_module:
            return CheckpointError(
                f"holds a whole model object ({value.name}) under {str(key)[:40]!r}, which only its own code can open",
                todo="Save model.state_dict() there, with torch.save",
            )
    if part in content:
        return CheckpointError(f"{part!r} is not a state dict: tensors by name")
    for key, what in _WITHOUT_WEIGHTS.items():
        if key in content:
            return CheckpointError(f"holds the state of {what}, and no weights", todo=_WHAT_IS_READ)
    return CheckpointError(f"has no {part!r}, only {listed(map(str, content))}", todo=_WHAT_IS_READ)


def listed(keys: Iterable[str]) -> str:
    """The first keys, for a message."""
    keys = list(keys)
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def _state_dicts(value: Any, place: str, depth: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """(entry, state dict) of every state dict in a value, the outer ones first."""
    if not isinstance(value, Mapping):
        return
    if _is_state_dict(value):
        yield place, value
    if depth < _MOST_DEPTH:
        for key, inside in list(value.items())[:_MOST_ENTRIES]:
            if isinstance(key, str) and key != "srnet" and not key.startswith("optim"):
                yield from _state_dicts(inside, f"{place}, {key}" if place else key, depth + 1)


def _is_state_dict(value: Mapping[Any, Any]) -> bool:
    """Whether values are tensors by name. Small things beside them do not count, e.g. a number or an epoch."""
    tensors = sum(_is_tensor(item) for item in value.values())
    return tensors > 0 and tensors >= len(value) / 2 and all(isinstance(key, str) for key in value)


def _is_tensor(value: Any) -> bool:
    if isinstance(value, InertRecord):
        return "tensor" in value.name
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")


def _tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a state dict, arrays of numpy among them; what is no tensor is left out.

    Raises:
        CheckpointError: a tensor is of a kind that is not read.
    """
    tensors = {}
    for key, value in state.items():
        for part, (what, todo) in _CHANGED.items():
            if part in key:
                raise CheckpointError(f"the network in it {what}: {key[:80]}", todo=todo)
        if isinstance(value, InertRecord) and _is_tensor(value):
            kind = next((words for part, words in _KINDS.items() if part in value.name), value.name)
            raise CheckpointError(
                f"holds weights of a kind that is not read: {key[:80]} is a {kind}",
                todo="Save the weights there as plain tensors of 32 or 16 bits, with torch.save",
            )
        if isinstance(value, np.ndarray) and _is_tensor(value):
            value = torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
        if isinstance(value, Tensor) and key.rpartition(".")[2] not in _BESIDE_WEIGHTS:
            for wrapper in _IN_NAMES:
                key = key.replace(wrapper, "")
            tensors[key] = value
    return tensors


def _networks_of(
    state: dict[str, Tensor], place: str, is_known: Callable[[Mapping[str, Tensor]], bool]
) -> Iterator[Weights]:
    """Each known network in a state dict, by the prefixes of the names; the shortest prefix comes first."""
    whole, undone = joined_weights(state)
    notes = tuple(f"the weights are stored with {what}, which was undone" for what in undone)
    done: list[str] = []
    for prefix in _prefixes(whole):
        if any(prefix.startswith(other) for other in done):
            continue
        inside = {key.removeprefix(prefix): value for key, value in whole.items() if key.startswith(prefix)}
        if is_known(inside):
            done.append(prefix)
            beside = [key for key in whole if not key.startswith(prefix)]
            left = (f"{len(beside)} tensors beside the network were left out: {listed(beside)}",) if beside else ()
            yield Weights(inside, place, notes + left, prefix)


def _prefixes(state: Mapping[str, Tensor]) -> list[str]:
    """What may stand before the names of a network in a state dict: nothing, or the first parts of names."""
    names = [key.split(".") for key in state]
    found = {"": None}
    for depth in range(1, _MOST_PARTS + 1):
        for parts in names:
            if len(parts) > depth + 1 and len(found) < _MOST_PREFIXES:
                found[".".join(parts[:depth]) + "."] = None
    return list(found)


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names without `module.`, for messages about a network that is not known."""
    while state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def _rank(place: str, prefix: str = "") -> int:
    """The order in which networks of a file are taken: the published entry, then usual ones, then any other."""
    first = place.partition(", ")[0]
    usual = all(part in _WRAPPERS for part in prefix.split(".")[:-1])
    return 2 * (_PLACES.index(first) if first in _PLACES else _LAST) + (not usual)


def _chosen(found: Sequence[Weights]) -> Weights:
    """The network to read.

    Raises:
        CheckpointError: there are several, and none of them has a usual name.
    """
    best = min(weights.rank for weights in found)
    first, *more = [weights for weights in found if weights.rank == best]
    if more:
        raise CheckpointError(
            f"holds the weights of {len(more) + 1} networks: {listed(weights.name for weights in (first, *more))}",
            todo="Save the state dict of one of them alone, with torch.save",
        )
    others = [weights.name for weights in found if weights is not first]
    if others:
        note = f"the weights are those under {first.name}; others that the file holds were left out: {listed(others)}"
        return replace(first, notes=(note, *first.notes))
    return first
