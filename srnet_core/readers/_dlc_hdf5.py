"""DeepLabCut's tables in HDF5: data frames of pandas in its two forms, "table" and "fixed", read and written.

The "table" form keeps its header as pickled lists, which are read without running anything. The "fixed" form is
written: it has no pickles.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.files import atomic_write
from srnet_core.readers._hdf5 import SafeGroup, open_hdf5
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle import read_plain_pickle
from srnet_core.readers.head import Head

_FLAT = re.compile(r"(.+)[_ .](x|y|z|likelihood)")


@dataclass(frozen=True)
class Table:
    """What a file holds: `columns` of (individual, body part, coordinate), `values` (R, C), `rows` their names."""

    columns: tuple[tuple[str, str, str], ...]
    values: np.ndarray
    rows: tuple[str, ...]

    @property
    def is_3d(self) -> bool:
        return any(c == "z" for _, _, c in self.columns)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for _, part, _ in self.columns))

    @property
    def individuals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(who for who, _, _ in self.columns))


def frame_group(root: SafeGroup) -> str | None:
    """The name of the group that holds a data frame."""
    for name in root.names()[:100]:
        if not root.is_dataset(name) and root.group(name).attribute("pandas_type") is not None:
            return name
    return None


def read_hdf5(head: Head) -> Table:
    with open_hdf5(head.path) as root:
        name = frame_group(root)
        if name is None:
            raise BadFileError("holds no data frame of pandas", where=head.path)
        group = root.group(name)
        kind = _text(group.attribute("pandas_type"))
        table = _read_table_form(group, head) if kind == "frame_table" else _read_fixed_form(group, head)
    if len(table.columns) != table.values.shape[1] or len(table.rows) != len(table.values):
        raise BadFileError("its header and its values have different sizes", where=head.path)
    return table


def _text(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _unpickled(group: SafeGroup, name: str, head: Head):
    value = group.attribute(name)
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        value = value.encode("utf-8")
    if not isinstance(value, bytes):
        raise BadFileError(f"has no attribute {name!r}", where=head.path)
    return read_plain_pickle(bytearray(value), Limits(), f"{head.path}, attribute {name!r}")


def _read_table_form(group: SafeGroup, head: Head) -> Table:
    """`table`: records of an index and blocks of values; the columns stand in `non_index_axes`."""
    axes = _unpickled(group, "non_index_axes", head)
    info = _unpickled(group, "info", head)
    try:
        labels = axes[0][1]
        levels = next((v["names"] for v in info.values() if isinstance(v, dict) and v.get("names")), None)
    except (TypeError, KeyError, IndexError, AttributeError):
        raise BadFileError("its header has an unknown form", where=head.path) from None
    columns = tuple(_column(label, levels, head) for label in labels) if isinstance(labels, list) else ()
    records = group.array("table")
    fields = records.dtype.names or ()
    blocks = [f for f in fields if f.startswith("values_block_")]
    if not blocks or "index" not in fields:
        raise BadFileError("its table has no values", where=head.path)
    order = [_column(c, levels, head) for b in blocks for c in _block_columns(b, group, head, labels)]
    values = np.concatenate([_float64(records[b], head).reshape(len(records), -1) for b in blocks], axis=1)
    if len(order) != values.shape[1] or len(columns) > values.shape[1]:
        raise BadFileError("its header and its values have different sizes", where=head.path)
    place = {c: i for i, c in enumerate(order)}
    if any(c not in place for c in columns):
        raise BadFileError("its header names columns that have no values", where=head.path)
    values = values[:, [place[c] for c in columns]]
    index = records["index"]
    return Table(columns, values, tuple(_text(v) for v in index.tolist()))


def _block_columns(block: str, group: SafeGroup, head: Head, labels: list) -> list:
    """The columns of a block, from the attribute of the table; all columns where there is one block only."""
    try:
        table = _TableAttributes(group)
        kind = table.read(f"{block}_kind", head)
        return kind if isinstance(kind, list) else labels
    except HostileFileError:
        raise
    except BadFileError:
        return labels


class _TableAttributes:
    """The attributes of the data set `table` itself."""

    def __init__(self, group: SafeGroup):
        self.group = group.attributes_of("table")

    def read(self, name: str, head: Head):
        return _unpickled(self.group, name, head)


def _column(label: object, levels: object, head: Head) -> tuple[str, str, str]:
    """(individual, body part, coordinate) of a column label: (scorer, individual, body part, coordinate).

    Tables that were changed with pandas may have lost the scorer, or have names such as "nose_x".
    """
    given: list[object] = list(label) if isinstance(label, (tuple, list)) else [label]
    parts = [part for part in given if isinstance(part, str)]
    if len(given) == len(parts) == 1 and (found := _FLAT.fullmatch(parts[0][:200])):
        parts = [found[1], found[2]]
    if not 2 <= len(parts) <= 4 or len(parts) < len(given):
        raise BadFileError("has a column that is not (scorer, body part, coordinate)", where=head.path)
    who = parts[-3] if len(parts) == 4 else ""
    return who[:80], parts[-2][:80], parts[-1]


def _float64(values: np.ndarray, head: Head) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise BadFileError("its table holds something else than numbers", where=head.path)
    with np.errstate(invalid="ignore"):  # NaN of another bit pattern
        return values.astype(np.float64)


def _read_fixed_form(group: SafeGroup, head: Head) -> Table:
    """`axis0`: levels and codes of the columns, `axis1`: the rows, `block0_values`: the numbers."""
    columns = tuple(_column(c, None, head) for c in _multi_index(group, "axis0", head))
    values = _float64(group.array("block0_values"), head)
    if values.ndim != 2:
        raise BadFileError("its values are no table", where=head.path)
    order = tuple(_column(c, None, head) for c in _multi_index(group, "block0_items", head))
    place = {c: i for i, c in enumerate(order)}
    if sorted(order) != sorted(columns) or len(place) != values.shape[1]:
        raise BadFileError("its header and its values have different sizes", where=head.path)
    rows = _multi_index(group, "axis1", head)
    return Table(columns, values[:, [place[c] for c in columns]], tuple("/".join(map(str, row)) for row in rows))


def _multi_index(group: SafeGroup, name: str, head: Head) -> list[tuple]:
    if f"{name}_level0" not in group:
        return [(v,) for v in _values(group, name)]
    parts = []
    for level in range(4):
        if f"{name}_level{level}" not in group:
            break
        labels, codes = _values(group, f"{name}_level{level}"), group.array(f"{name}_label{level}")
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or not len(labels):
            raise BadFileError("its header has an unknown form", where=head.path)
        if len(codes) and not (int(codes.min()) >= 0 and int(codes.max()) < len(labels)):
            raise BadFileError("its header points outside itself", where=head.path)
        parts.append([labels[int(c)] for c in codes])
    if len({len(p) for p in parts}) != 1:
        raise BadFileError("its header has an unknown form", where=head.path)
    return list(zip(*parts))


def _values(group: SafeGroup, name: str) -> list:
    values = group.array(name)
    return [_text(v) if isinstance(v, bytes) else str(v) for v in np.asarray(values).reshape(-1).tolist()]


# Writing: the "fixed" form. PyTables tells arrays and groups by these attributes.


def write_hdf5(
    path: Path, levels: tuple[str, ...], labels: list[tuple[str, ...]], numbers: list[int], values: np.ndarray
) -> None:
    """A data frame with columns of several levels, as `DataFrame.to_hdf(path, key="df_with_missing")` writes it.

    Args:
        levels: the names of the levels, e.g. ("scorer", "bodyparts", "coords").
        labels: a name for each level, of each column.
        numbers: of the rows.
        values: (rows, columns) float64.
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as made:
        _set(made, CLASS="GROUP", VERSION="1.0", TITLE="", PYTABLES_FORMAT_VERSION="2.1")
        group = made.create_group("df_with_missing")
        _set(group, CLASS="GROUP", VERSION="1.0", TITLE="", encoding="UTF-8", errors="strict", pandas_type="frame")
        _set(group, axis0_variety="multi", axis1_variety="regular", block0_items_variety="multi")
        counts = {"ndim": 2, "nblocks": 1, "axis0_nlevels": len(levels), "block0_items_nlevels": len(levels)}
        for name, count in counts.items():
            group.attrs[name] = np.int64(count)
        for axis in ("axis0", "block0_items"):
            for at, level in enumerate(levels):
                names = sorted({label[at] for label in labels})
                text = _array(group, f"{axis}_level{at}", np.array([n.encode() for n in names]))
                _set(text, kind="string", name=level, nan_rep="nan", **{f"{axis}_name{level}": level})
                _array(group, f"{axis}_label{at}", np.array([names.index(label[at]) for label in labels], np.int16))
        _set(_array(group, "axis1", np.array(numbers, np.int64)), kind="integer", name="N.")
        _array(group, "block0_values", np.asarray(values, np.float64))
    with atomic_write(path) as file:
        file.write(content.getvalue())


def _array(group, name: str, values: np.ndarray):
    made = group.create_dataset(name, data=values)
    _set(made, CLASS="ARRAY", FLAVOR="numpy", TITLE="", VERSION="2.4")
    made.attrs["transposed"] = np.uint8(1)
    return made


def _set(item, **attributes: str) -> None:
    import h5py

    for name, value in attributes.items():
        text = value.encode()
        if text:  # PyTables gives UTF-8 as text, and ASCII as bytes, which pandas does not expect
            item.attrs.create(name, np.bytes_(text), dtype=h5py.string_dtype("utf-8", len(text)))
        else:
            item.attrs[name] = h5py.Empty("S1")
