"""Choose where and in what precision to compute, and say so."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from alextrain.errors import DeviceError
from alextrain.ranks import is_job, local_rank, processes_here

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "off": None}


@dataclass(frozen=True)
class Machine:
    """What describes the machine and never the result's meaning."""

    device: torch.device
    amp: str  # "bf16", "fp16" or "off"
    note: str = ""  # what was chosen for the user, and why

    @property
    def dtype(self) -> torch.dtype | None:
        """The reduced precision, None where all is computed in float32."""
        return _DTYPES[self.amp]

    def describe(self) -> str:
        """Name the device and the precision for the banner."""
        if self.device.type == "cuda":
            index = self.device.index or 0
            name = torch.cuda.get_device_name(index)
            gigabytes = torch.cuda.get_device_properties(index).total_memory / 1e9
            place = f"{name}, {gigabytes:.0f} GB"
        elif self.device.type == "cpu":
            threads = torch.get_num_threads()
            place = f"CPU, {threads} thread" + ("s" if threads > 1 else "")
        else:
            place = self.device.type
        precision = "float32" if self.amp == "off" else self.amp
        return f"{place}, {precision}" + (f" ({self.note})" if self.note else "")


def choose_machine(device: str = "auto", amp: str = "auto") -> Machine:
    """Choose the device and the precision.

    Args:
        device: "auto", "cpu", "cuda" (or "cuda:1") or "mps".
        amp: "auto" (bf16 on CUDA where the GPU has it, else off), "bf16", "fp16" or "off".

    Raises:
        DeviceError: the device asked for is not there, or cannot compute in this precision.
    """
    chosen, note = _device(device)
    if amp == "auto":
        fast = chosen.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return Machine(chosen, "bf16" if fast else "off", note)
    if amp == "fp16" and chosen.type == "cpu":
        raise DeviceError("--amp fp16 needs a GPU; on the CPU use --amp off (or bf16)")
    return Machine(chosen, amp, note)


def _device(wanted: str) -> tuple[torch.device, str]:
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if is_job() and cuda and wanted in ("auto", "cuda"):
        return _own_gpu(), ""
    if wanted == "auto":
        if cuda:
            return torch.device("cuda"), ""
        return (torch.device("mps"), "") if mps else (torch.device("cpu"), "no GPU was found")
    kind = wanted.split(":", 1)[0]
    if (kind == "cuda" and not cuda) or (kind == "mps" and not mps):
        raise DeviceError(f"--device {wanted}: torch {torch.__version__} {_why(kind)}")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceError(f"--device {wanted} is unknown; choose auto, cpu, cuda or mps") from error
    if kind == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(f"--device {wanted}: there are {count} GPUs, numbered from 0")
    return device, ""


def _own_gpu() -> torch.device:
    """Return the GPU of this process: as many processes on a machine as it has GPUs, at most."""
    there, own = torch.cuda.device_count(), local_rank()
    if own >= there:
        raise DeviceError(
            f"{processes_here()} processes on this machine and {there} GPUs; start as many "
            f"processes as there are GPUs (torchrun --nproc-per-node {there})"
        )
    return torch.device("cuda", own)


def _why(kind: str) -> str:
    if kind == "mps":
        return "sees no Apple GPU; use --device cpu"
    if torch.version.cuda is None:
        return "is a build without CUDA; install a CUDA build of torch, or use --device cpu"
    return (
        f"is built for CUDA {torch.version.cuda} and sees no GPU; install an NVIDIA driver that "
        "supports it, or use --device cpu"
    )
