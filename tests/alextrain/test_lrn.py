"""Local response normalisation against its formula, against torch, and against its own gradient."""

import pytest
import torch
from torch.nn import functional as F

from alextrain.models import lrn, lrn_cpu
from alextrain.models.lrn import LocalResponseNorm

# Six channels of one pixel, 10 to 60: printed, coded, and Caffe's (k = 1).
VECTORS = {
    ("printed", 2.0): (5.651838, 10.708635, 14.866753, 17.999544, 22.735027, 27.944183),
    ("coded", 2.0): (5.884357, 11.631335, 17.135998, 22.295521, 27.946353, 33.745586),
    ("coded", 1.0): (9.795016, 19.144790, 27.741441, 35.330394, 44.388891, 53.888599),
}
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def activations(shape=(3, 8, 3, 2), dtype=torch.float64, layout=torch.contiguous_format):
    generator = torch.Generator().manual_seed(0)
    values = 30 * torch.randn(shape, generator=generator, dtype=dtype)
    return values.contiguous(memory_format=layout)


def by_torch(images, groups=1):
    """torch's own, which divides alpha by the size of the window; each group by itself."""
    parts = [F.local_response_norm(t, 5, 5e-4, 0.75, 2.0) for t in images.chunk(groups, 1)]
    return torch.cat(parts, 1)


@pytest.mark.parametrize(("convention", "k"), VECTORS)
def test_six_channels_give_the_published_values(convention, k):
    images = torch.tensor([10.0, 20, 30, 40, 50, 60]).view(1, 6, 1, 1)
    result = LocalResponseNorm(convention=convention, k=k)(images).flatten()
    assert result.tolist() == pytest.approx(VECTORS[convention, k], rel=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_any_layout_and_grouping_equals_torch(layout, groups):
    images = activations(layout=layout)
    result = LocalResponseNorm(groups=groups)(images)
    torch.testing.assert_close(result, by_torch(images, groups), rtol=1e-12, atol=0)
    assert result.stride() == images.stride()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [1, 2])
def test_the_gradient_is_that_of_the_formula(layout, groups):
    images = activations(layout=layout).requires_grad_()
    assert torch.autograd.gradcheck(LocalResponseNorm(groups=groups), images)


@pytest.mark.parametrize(("size", "beta"), [(3, 0.75), (7, 0.75), (5, 0.6)])
def test_other_windows_and_exponents_hold_too(size, beta):
    images = activations().requires_grad_()
    norm = LocalResponseNorm(size, beta=beta)
    expected = F.local_response_norm(images, size, 1e-4 * size, beta, 2.0)
    torch.testing.assert_close(norm(images), expected, rtol=1e-12, atol=0)
    assert torch.autograd.gradcheck(norm, images)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk", [1, 50, 10**6])
def test_the_size_of_the_chunks_does_not_show(monkeypatch, layout, chunk):
    images = activations((5, 8, 3, 3), layout=layout).requires_grad_()
    norm = LocalResponseNorm(groups=2)
    slopes = activations((5, 8, 3, 3))
    expected = torch.autograd.grad(by_torch(images, 2), images, slopes)
    monkeypatch.setattr(lrn_cpu, "CHUNK", chunk)
    result = torch.autograd.grad(norm(images), images, slopes)
    torch.testing.assert_close(result, expected, rtol=1e-11, atol=1e-14)


def test_a_gradient_without_memory_of_its_own_is_taken():
    images = activations(layout=torch.channels_last).requires_grad_()
    (summed,) = torch.autograd.grad(LocalResponseNorm()(images).sum(), images)
    (expected,) = torch.autograd.grad(by_torch(images).sum(), images)
    torch.testing.assert_close(summed, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_300_survives_16_bits(dtype):
    images = torch.full((1, 96, 3, 3), 300.0, dtype=dtype, requires_grad=True)
    result = LocalResponseNorm()(images)
    result.sum().backward()
    # 300 / (2 + 1e-4 * 5 * 300^2)^.75; its square alone is beyond half precision.
    assert result.dtype == dtype
    assert result[0, 48].float().mean().item() == pytest.approx(300 / 47**0.75, rel=4e-3)
    assert images.grad.isfinite().all()
    assert images.grad.any()


def test_16_bits_are_rounded_once_at_the_end():
    images = activations(dtype=torch.float32).bfloat16()
    expected = LocalResponseNorm()(images.float()).bfloat16()
    assert torch.equal(LocalResponseNorm()(images), expected)


def test_autocast_leaves_32_bits_inside():
    images = activations(dtype=torch.float32)
    expected = LocalResponseNorm()(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(LocalResponseNorm()(images), expected)


@pytest.mark.parametrize("groups", [1, 2])
def test_compiled_equals_eager(groups):
    norm = LocalResponseNorm(groups=groups)
    images = activations(dtype=torch.float32).requires_grad_()
    compiled = torch.compile(norm, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), norm(images))
    (gradient,) = torch.autograd.grad(compiled(images).square().sum(), images)
    (expected,) = torch.autograd.grad(norm(images).square().sum(), images)
    torch.testing.assert_close(gradient, expected)


def test_a_compiler_sees_the_plain_formula_and_fuses_it_itself(monkeypatch):
    """No buffers of our own are in its way."""
    monkeypatch.setattr(lrn, "_Normalise", None)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    images = torch.full((1, 96, 3, 3), 300.0, dtype=torch.float16)
    with torch.no_grad():
        result = torch.compile(LocalResponseNorm(), backend=backend, fullgraph=True)(images)
    assert len(graphs) == 1
    assert result[0, 48].float().mean().item() == pytest.approx(300 / 47**0.75, rel=4e-3)


def test_input_and_gradient_stay_as_they_were():
    images = activations().requires_grad_()
    slopes = torch.ones_like(images)
    LocalResponseNorm()(images).backward(slopes)
    assert torch.equal(images.detach(), activations())
    assert torch.equal(slopes, torch.ones_like(slopes))


def test_a_broken_pixel_harms_its_window_only():
    images = activations((1, 12, 2, 1))
    images[0, 6, 0, 0] = torch.nan
    broken = LocalResponseNorm()(images).isnan()
    assert broken[0, :, 0, 0].nonzero().flatten().tolist() == [4, 5, 6, 7, 8]
    assert not broken[0, :, 1, 0].any()


def test_windows_without_a_middle_are_refused():
    with pytest.raises(ValueError, match="size must be odd and at least 3; got 4"):
        LocalResponseNorm(4)
