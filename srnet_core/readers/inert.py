"""What stands for an object whose class is not read: its name and its contents, and nothing that could run."""

from typing import Any

from srnet_core.errors import BadFileError


class InertRecord:
    """An object of a pickle whose class is neither imported nor called, e.g. an `argparse.Namespace`.

    Attributes:
        name: name of the class or function in the file, e.g. "argparse.Namespace".
        arguments: what the file makes it from, in plain values; empty if they are nested too deeply.
        state: its fields in plain values, mostly a dict; `None` if there are none or they are nested too deeply.
    """

    __slots__ = ("arguments", "name", "state")

    def __init__(self, name: str, arguments: tuple = (), state: Any = None):
        self.name, self.arguments, self.state = name, arguments, state

    def __repr__(self) -> str:
        return f"<InertRecord {self.name}>"

    @property
    def is_torch_module(self) -> bool:
        """Whether it is a whole network as `torch.save(model)` writes it."""
        return isinstance(self.state, dict) and {"_parameters", "_modules"} <= self.state.keys()


def refuse_records(value: object, where: object) -> None:
    """Raise `BadFileError` if a value is an object that only its own program can open."""
    if isinstance(value, InertRecord):
        raise BadFileError(
            f"holds an object of the class {value.name}, which only its own program can open",
            where=where,
            todo="Save its contents there as numbers, text, arrays, lists or dicts",
        )
