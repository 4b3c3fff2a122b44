"""The thread that reads ahead, the memory that is used again, and how much is free."""

import sys
import threading

import pytest
import torch

from srnet_core.sampling import memory
from srnet_core.sampling._read_ahead import ReadAhead
from srnet_core.sampling._reuse import ReusedMemory


def test_results_come_in_order_and_never_more_than_agreed_are_held():
    held, most, lock = [0], [0], threading.Lock()

    def read(item):
        with lock:
            held[0] += 1
            most[0] = max(most[0], held[0])
        return item * 10

    def give_back(result):
        with lock:
            held[0] -= 1
        return result

    with ReadAhead(read, range(50), 3) as reader:
        for item in range(50):
            assert reader.next(give_back) == item * 10
    assert most[0] <= 3


def test_results_before_an_error_still_come_and_then_always_the_error():
    def read(item):
        if item == 2:
            raise MemoryError("no more")
        return item

    with ReadAhead(read, range(9), 4) as reader:
        for item in range(2):
            assert reader.next(int) == item
        for _ in range(2):
            with pytest.raises(MemoryError, match="no more"):
                reader.next(int)


def test_asking_for_more_than_there_is_is_no_endless_wait():
    with ReadAhead(str, [1], 2) as reader:
        assert reader.next(str) == "1"
        with pytest.raises(LookupError):
            reader.next(str)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_leaving_early_ends_the_thread(taken):
    reader = ReadAhead(str, iter(range(10**9)), 2)
    with pytest.raises(KeyboardInterrupt), reader:
        for _ in range(taken):
            reader.next(str)
        raise KeyboardInterrupt
    assert not reader._thread.is_alive()


def test_memory_is_lent_again_only_when_no_tensor_is_over_it():
    reused = ReusedMemory(blocks=2)
    first, second, third = (reused.tensor(30, 7) for _ in range(3))
    places = [t.data_ptr() for t in (first, second)]
    assert len({*places, third.data_ptr()}) == 3 and all(place % 64 == 0 for place in places)
    view = first.unflatten(1, (7, 1))[3:]
    del first
    assert reused.tensor(30, 7).data_ptr() not in places  # a view is still there
    del view
    assert reused.tensor(29, 7).data_ptr() == places[0]  # a smaller one fits
    larger = reused.tensor(500, 7)
    assert larger.shape == (500, 7) and larger.data_ptr() != second.data_ptr()


def test_memory_saved_for_a_gradient_is_not_lent_again():
    reused = ReusedMemory(blocks=1)
    x = reused.tensor(8, 4).fill_(2.0)
    weight = torch.ones(8, 4, requires_grad=True)
    loss = (x * weight).sum()
    del x
    reused.tensor(8, 4).fill_(7.0)
    loss.backward()
    assert torch.equal(weight.grad, torch.full((8, 4), 2.0))


def test_free_memory_is_that_of_the_machine_or_of_its_group(tmp_path, monkeypatch):
    assert 0 < memory.free_bytes(torch.device("cpu")) <= sys.maxsize
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    unlimited = memory.free_bytes(torch.device("cpu"))
    assert unlimited > 1500
    for name, text in (
        ("memory.max", "5000"),
        ("memory.current", "4000"),
        ("memory.stat", "anon 1\ninactive_file 500\n"),
    ):
        (tmp_path / name).write_text(text)
    assert memory.free_bytes(torch.device("cpu")) == 1500
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_bytes(torch.device("cpu")) > 1500
