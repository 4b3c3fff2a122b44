"""MVNX of Xsens MVN: XML with a frame per element, of which the positions of the segments are read.

Source: the MVN User Manual, "MVNX". A subject has its rate, its segments by name, and frames of the types identity,
tpose, npose and normal; a frame holds x, y and z of the origin of each segment, in metres, z up. Other values of a
frame are skipped. No entities are read.
"""

import re
from array import array
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.motion import Motion
from srnet_core.readers._marker_tables import JOINTS, positive
from srnet_core.readers._numbers import is_not_finite
from srnet_core.readers.bounded import AGAIN, read_bounded
from srnet_core.readers.detections import MOST_VALUES
from srnet_core.readers.head import Head
from srnet_core.readers.text import utf8

FORMAT = "mvnx"
_MOST_SEGMENTS, _MOST_CHARACTERS, _DEEPEST = 1000, 100_000, 50
_BLOCK = 1 << 16
_START = re.compile(r"<(?:\w{1,20}:)?mvnx\b")
_CUT_SHORT = {
    expat.errors.codes[what] for what in (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
}
# segments of the body in the order of the manual, each with the one it hangs on
_BODY = {
    **{"Pelvis": None, "L5": "Pelvis", "L3": "L5", "T12": "L3", "T8": "T12", "Neck": "T8", "Head": "Neck"},
    **{
        f"{side}{segment}": f"{side}{before}" if before in ("Shoulder", "UpperArm", "ForeArm") else before
        for side in ("Right", "Left")
        for segment, before in (
            ("Shoulder", "T8"),
            ("UpperArm", "Shoulder"),
            ("ForeArm", "UpperArm"),
            ("Hand", "ForeArm"),
        )
    },
    **{
        f"{side}{segment}": before if before == "Pelvis" else f"{side}{before}"
        for side in ("Right", "Left")
        for segment, before in (
            ("UpperLeg", "Pelvis"),
            ("LowerLeg", "UpperLeg"),
            ("Foot", "LowerLeg"),
            ("Toe", "Foot"),
        )
    },
}


def sniff(head: Head) -> float:
    if head.is_folder or not head.text.lstrip("\ufeff \r\n\t").startswith("<"):
        return 0.0
    return 0.95 if _START.search(head.text[:4096]) else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_mvnx`."""
    return {"": read_mvnx(head.path)}


def read_mvnx(path: str | Path) -> Motion:
    """The origins of the segments of an MVNX file, with the tree of the body where all its segments are there.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no XML, is cut short, or has no positions of segments.
        HostileFileError: it declares entities, or asks for absurd amounts of memory.
    """
    found = _Found(path)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = found.declared
    parser.EntityDeclHandler = found.declared
    content = memoryview(utf8(read_bounded(path), path))
    try:
        for at in range(0, len(content), _BLOCK):
            parser.Parse(bytes(content[at : at + _BLOCK]), at + _BLOCK >= len(content))
    except expat.ExpatError as error:
        if error.code in _CUT_SHORT:
            raise BadFileError(f"is cut short in line {error.lineno}", where=path, todo=AGAIN) from None
        raise BadFileError(f"is not XML: {expat.ErrorString(error.code)}, line {error.lineno}", where=path) from None
    return found.motion()


class _Found:
    """What the elements of the file say, gathered while it is read."""

    def __init__(self, path):
        self.path = path
        self.stack: list[str] = []
        self.subjects = 0
        self.rate: float | None = None
        self.segments: list[str] = []
        self.kind = ""
        self.values = array("d")
        self.frames = 0
        self.tpose: list[float] | None = None
        self.pieces: list[str] | None = None
        self.characters = 0

    def declared(self, *_: Any) -> None:
        raise HostileFileError("declares a document type or entities, which no MVNX file does", where=self.path)

    def start(self, tag: str, about: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        self.stack.append(tag)
        if len(self.stack) > _DEEPEST:
            raise HostileFileError("is nested too deep for an MVNX file", where=self.path)
        if tag == "subject":
            self.subjects += 1
            if self.subjects == 1:
                self.rate = positive(about.get("frameRate"))
        if self.subjects != 1:
            return
        if tag == "segment" and self.stack[-2:-1] == ["segments"]:
            if len(self.segments) >= _MOST_SEGMENTS:
                raise HostileFileError(f"names more than {_MOST_SEGMENTS} segments", where=self.path)
            self.segments.append(about.get("label", f"segment {len(self.segments) + 1}")[:80])
        elif tag == "frame":
            self.kind = about.get("type", "normal").lower()
        elif tag == "position" and self.stack[-2:-1] == ["frame"]:
            self.pieces, self.characters = [], 0

    def text(self, text: str) -> None:
        if self.pieces is not None:
            self.characters += len(text)
            if self.characters > _MOST_CHARACTERS:
                raise HostileFileError("has a frame that is far too long", where=self.path)
            self.pieces.append(text)

    def end(self, _: str) -> None:
        if self.stack.pop() != "position" or self.pieces is None:
            return
        values, self.pieces = [self._number(word) for word in "".join(self.pieces).split()], None
        if len(values) != 3 * len(self.segments) or not values:
            raise BadFileError(
                f"frame {self.frames + 1} has {len(values)} coordinates for {len(self.segments)} segments",
                where=self.path,
            )
        if self.kind == "tpose":
            self.tpose = values
        elif self.kind == "normal":
            self.frames += 1
            self.values.extend(values)
            if len(self.values) > MOST_VALUES:
                raise HostileFileError("holds too many numbers", where=self.path)

    def _number(self, word: str) -> float:
        try:
            return float(word)
        except ValueError:
            if is_not_finite(word.encode()):
                return float("nan")
            raise BadFileError(f"frame {self.frames + 1}: {word[:40]!a} is not a number", where=self.path) from None

    def motion(self) -> Motion:
        """The motion of the first subject.

        Raises:
            BadFileError: it has no positions.
        """
        if not self.frames:
            raise BadFileError(
                "has no positions of segments", where=self.path, todo="Export it from Xsens MVN with positions"
            )
        positions = np.frombuffer(self.values, np.float64).reshape(self.frames, -1, 3).copy()
        positions[~np.isfinite(positions)] = np.nan
        rest = None if self.tpose is None else np.array(self.tpose).reshape(-1, 3)
        if rest is not None and not np.isfinite(rest).all():
            rest = None
        names, notes = self.segments, []
        if self.subjects > 1:
            notes.append(f"Of {self.subjects} people in the file the first is read.")
        parents = None
        if set(_BODY) <= set(names) and len(set(names)) == len(names):
            order = list(_BODY)
            if others := [name for name in names if name not in _BODY]:
                notes.append(f"Left out are segments that are not of the body: {len(others)}.")
            at = [names.index(name) for name in order]
            positions, rest = positions[:, at], None if rest is None else rest[at]
            names = order
            parents = tuple(-1 if before is None else order.index(before) for before in _BODY.values())
        return Motion(
            format=FORMAT,
            names=tuple(names),
            parents=parents,
            positions=positions,
            fps=self.rate,
            units="m",
            metres_per_unit=1.0,
            units_from="format",
            rest=rest,
            details={} if parents else JOINTS,
            notes=tuple(notes),
        )
