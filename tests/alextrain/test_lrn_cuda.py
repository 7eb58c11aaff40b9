"""LRN's kernels for CUDA, without a GPU: what they compute, and what a GPU would be given."""

import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec

import pytest
import torch

from alextrain.models import lrn
from alextrain.models.lrn import LocalResponseNorm
from tests.alextrain.test_lrn import LAYOUTS, activations, by_torch

triton = pytest.importorskip("triton", reason="torch comes with Triton on Linux alone")

# A driver that has a processor's name and no processor: enough to compile.
BLOCK = 1024
COMPILE = """
import sys
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

class NoGPU:
    def get_current_target(self): return GPUTarget("cuda", int(sys.argv[1]), 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device): return 0

driver.set_active(NoGPU())
from alextrain.models import lrn_cuda
from alextrain.models.lrn_cpu import Constants

assert lrn_cuda.BLOCK == int(sys.argv[2])

class Seen:
    def __init__(self, kernel): self.kernel = kernel
    def __getitem__(self, grid):
        def compiled(*args, **options):
            made = self.kernel.warmup(*args, grid=grid, **options)
            print(made.metadata.num_warps, made.asm["ptx"], "-" * 8)
        return compiled

lrn_cuda._forward, lrn_cuda._backward = Seen(lrn_cuda._forward), Seen(lrn_cuda._backward)
images = torch.zeros((2, 96, 9), dtype=torch.bfloat16)
lrn_cuda.forward(images, images, Constants(5, 1e-4, 0.75, 2.0))
lrn_cuda.backward(images, images, images, Constants(5, 1e-4, 0.75, 2.0))
"""


@pytest.fixture
def kernels(monkeypatch):
    """The kernels in Triton's interpreter, taken by whatever normalises."""
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    spec = find_spec("alextrain.models.lrn_cuda")
    module = module_from_spec(spec)  # anew: Triton looks at the environment once, at @jit
    spec.loader.exec_module(module)
    monkeypatch.setattr(lrn, "_kernels", lambda _: module)
    return module


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_the_kernels_equal_torch(layout, groups):
    images = activations(layout=layout).requires_grad_()
    slopes = activations((3, 8, 3, 2), layout=layout).flip(0)
    result = LocalResponseNorm(groups=groups)(images)
    expected = by_torch(images, groups)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=0)
    assert result.stride() == images.stride()
    (gradient,) = torch.autograd.grad(result, images, slopes)
    (wanted,) = torch.autograd.grad(expected, images, slopes)
    torch.testing.assert_close(gradient, wanted, rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("size", "beta"), [(3, 0.75), (7, 0.6)])
def test_other_windows_and_exponents_hold_too(size, beta):
    images = activations((2, 5, 2, 2)).requires_grad_()
    assert torch.autograd.gradcheck(LocalResponseNorm(size, beta=beta), images)


def test_more_elements_than_a_program_takes(kernels):
    images = activations((5, 12, 7, 7), torch.float32)
    assert images.numel() > kernels.BLOCK
    torch.testing.assert_close(LocalResponseNorm()(images), by_torch(images), rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("kernels")
def test_32_bits_inside():
    """300 squared is beyond half precision; a sum of two near 2^11 would lose its last bit."""
    images = torch.full((1, 8, 1, 1), 300.0, dtype=torch.float16, requires_grad=True)
    result = LocalResponseNorm()(images)
    result.sum().backward()
    assert result.dtype == torch.float16
    assert result[0, 4].item() == pytest.approx(300 / 47**0.75, rel=1e-3)
    assert images.grad.isfinite().all()


@pytest.mark.parametrize("capability", [80, 90])
def test_a_gpu_is_given_one_kernel_each_way_that_reads_nothing_twice(capability, tmp_path):
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(capability), str(BLOCK)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    forward, backward, rest = done.stdout.split("-" * 8)
    assert not rest.strip()
    # Window sums over five reach five values forward; backward nine, and five gradients.
    for text, loads in ((forward, 5), (backward, 14)):
        each = BLOCK // (32 * int(text.split()[0]))  # elements of a thread
        assert text.count(".entry") == 1
        assert text.count("ld.global") == loads * each
        assert text.count("cvt.rn.bf16") > 0  # rounded to the nearest
        assert not text.count("div.")  # no division of integers, no slow ones of floats
