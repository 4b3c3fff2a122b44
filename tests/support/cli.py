"""What the tests of the command line share: how to call it, and what an error must look like."""

import shlex
from dataclasses import dataclass

DATA = ("--dataset", "small", "--subjects-test", "C")
TINY = ("--channels", "40", "--epochs", "1", "--batch-size", "64", "--device", "cpu")


@dataclass(frozen=True)
class Ran:
    """What a command line gave back."""

    code: int
    out: str
    err: str

    def ok(self) -> "Ran":
        assert self.code == 0, self.err
        return self

    def refused(self, *parts: str, code: int = 2) -> str:
        """Checks the contract of errors: nothing but one line on standard error, and the exit code."""
        assert self.code == code, (self.code, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in self.err and "error: unexpected" not in self.err
        for part in parts:
            assert part in lines[0], lines[0]
        return lines[0]


def examples_of(help_text: str) -> list[list[str]]:
    """The words of the commands at the end of a command's help."""
    _, _, end = help_text.partition("Examples:")
    return [shlex.split(line) for line in end.splitlines() if line.strip()]
