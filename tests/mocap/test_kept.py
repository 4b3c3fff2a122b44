"""Results kept on disk: whole ones only, and only for what decided them."""

import numpy as np
import pytest

from srnet_core.mocap.kept import KeptResults, key_of


@pytest.fixture
def kept(tmp_path):
    return KeptResults(tmp_path / "kept")


def test_what_was_put_is_got(kept):
    key = key_of("a", b"b", {"c": 1})
    assert kept.get(key) is None and not kept.folder.exists()
    kept.put(key, {"text": "ü", "none": None, "number": 0.1}, {"poses 0": np.arange(6.0).reshape(1, 2, 3)})
    values, arrays = kept.get(key)
    assert values == {"text": "ü", "none": None, "number": 0.1}
    assert list(arrays) == ["poses 0"] and arrays["poses 0"].dtype == np.float64
    np.testing.assert_array_equal(arrays["poses 0"], np.arange(6.0).reshape(1, 2, 3))
    kept.remove()
    assert kept.get(key) is None and not kept.folder.exists()
    kept.remove()  # twice does no harm


def test_keys_tell_parts_apart():
    assert key_of("ab", "c") != key_of("a", "bc") != key_of("c", "ab")
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_damaged_results_count_as_none(kept, damage):
    kept.put("0" * 64, {"a": 1}, {"x": np.zeros(500)})
    (path,) = kept.folder.rglob("*.npz")
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 4
    path.write_bytes({"cut": content[: len(content) // 2], "flip": content, "empty": b"", "other": b"hello"}[damage])
    assert kept.get("0" * 64) is None
    kept.put("0" * 64, {"a": 2}, {})
    assert kept.get("0" * 64) == ({"a": 2}, {})
