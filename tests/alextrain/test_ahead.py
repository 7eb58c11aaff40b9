"""Batches filled ahead by threads: no further than asked, unharmed while held, ended at once."""

import threading
import time

import numpy as np
import pytest
import torch

from alextrain.data.ahead import Ahead
from alextrain.data.buffers import Buffers


class Slow:
    """Pictures that take a while: sample i is all i."""

    size = 2
    labels = np.arange(256, dtype=np.int32)

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.filled = 0

    def fill(self, numbers, out):
        for i, number in enumerate(numbers.tolist()):
            time.sleep(self.seconds)
            out[i] = number
            self.filled += 1


def test_batches_are_filled_ahead_but_not_further():
    pictures = Slow()
    loader = Ahead(pictures, 2, 2, 3)
    batches = loader.batches(np.arange(100))
    next(batches)
    time.sleep(0.2)
    assert pictures.filled == 2 * (1 + 3)
    batches.close()
    loader.close()


class TestHeldBatches:
    def test_a_batch_that_is_held_is_never_written_to_again(self):
        loader = Ahead(Slow(), 4, 3)
        held = [(batch, batch.images.clone()) for batch in loader.batches(np.arange(200))]
        for _ in loader.batches(np.arange(200, 0, -1)):
            pass
        loader.close()
        assert all(torch.equal(batch.images, copy) for batch, copy in held)

    @pytest.mark.parametrize(
        "part",
        [
            lambda images: images[1:],
            lambda images: images.numpy(),
            lambda images: images.numpy()[1:],
            lambda images: images.permute(0, 3, 1, 2)[:, 0],
        ],
        ids=["slice", "array", "slice-of-array", "view"],
    )
    def test_a_part_of_it_holds_it_as_well(self, part):
        loader = Ahead(Slow(), 4, 2)
        parts = [part(batch.images) for batch in loader.batches(np.arange(200))]
        loader.close()
        copies = np.concatenate([np.asarray(p)[-1:].reshape(1, -1)[:, 0] for p in parts])
        assert copies.tolist() == list(range(3, 200, 4))

    def test_memory_is_used_again_when_batches_are_let_go(self):
        loader = Ahead(Slow(), 4, 8, 2)
        places = {
            batch.images.data_ptr() for _ in range(20) for batch in loader.batches(np.arange(200))
        }
        loader.close()
        assert len(places) <= 2 + 2

    def test_a_batch_given_up_is_not_shared_while_it_is_still_being_filled(self):
        loader = Ahead(Slow(0.002), 8, 4, 4)
        for _ in range(10):
            abandoned = loader.batches(np.full(80, 255))
            next(abandoned)
            abandoned.close()
            for batch in loader.batches(np.arange(16)):
                time.sleep(0.01)  # what is still being filled would show here
                assert torch.equal(batch.images[:, 0, 0, 0].long(), batch.labels)
        loader.close()

    def test_a_buffer_comes_back_when_its_tensor_is_gone(self):
        # 64 MB given back to the system would come again as zeros
        buffers = Buffers((2**26,))
        first, second = buffers.take(), buffers.take()
        first[0] = first[-1] = 7
        assert second.data_ptr() != first.data_ptr()
        del first
        third = buffers.take()
        assert [int(third[0]), int(third[-1])] == [7, 7]


class TestClosing:
    def test_closing_is_quick_and_leaves_no_thread(self):
        before = set(threading.enumerate())
        # 9 batches under way would take 4 threads 2.2 s, a task of 32 samples 0.64 s
        loader = Ahead(Slow(0.02), 50, 4, 8)
        batches = loader.batches(np.zeros(100_000, np.int64))
        next(batches)
        begin = time.perf_counter()
        loader.close()
        assert time.perf_counter() - begin < 1.3
        assert set(threading.enumerate()) <= before

    def test_ending_an_epoch_early_cancels_what_was_ahead(self):
        pictures = Slow(0.001)
        loader = Ahead(pictures, 10, 1, 8)
        batches = loader.batches(np.zeros(1000, np.int64))
        next(batches)
        batches.close()
        time.sleep(0.3)
        assert pictures.filled < 10 * 5
        loader.close()


def test_waiting_is_counted():
    loader = Ahead(Slow(0.02), 2, 1)
    list(loader.batches(np.arange(10)))
    assert 0.1 < loader.wait_seconds < 5
    quick = Ahead(Slow(), 2, 1)
    for _ in quick.batches(np.arange(20)):
        time.sleep(0.01)
    assert quick.wait_seconds < 0.1
    loader.close()
    quick.close()
