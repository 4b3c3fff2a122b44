"""The networks that come with the package; docs/srnet-open.md tells what they were trained on and what they can do."""

from pathlib import Path

from srnet_core.errors import UnknownNameError

NAMES = ("srnet-open-1",)


def weights_file(name: str = NAMES[0]) -> Path:
    """The file of a network that comes with the package.

    Raises:
        UnknownNameError: there is no such network; the message lists those there are.
    """
    if name not in NAMES:
        raise UnknownNameError(f"no network {name!r} comes with the package", todo=f"Choices: {', '.join(NAMES)}")
    return Path(__file__).with_name(f"{name}.safetensors")
