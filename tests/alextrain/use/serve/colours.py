"""A model that names the strongest colour: quick, and its answers are known."""

import io
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import torch
from PIL import Image

from alexprep.settings import PrepSettings
from alextrain.device import Machine
from alextrain.serve.app import make_app
from alextrain.serve.limits import Limits
from alextrain.serve.served import Served
from alextrain.serve.service import Service

SIZE = 64
CLASSES = ["red", "green", "blue"]
COLOURS = {"red": (250, 20, 20), "green": (20, 250, 20), "blue": (20, 20, 250)}
CPU = Machine(torch.device("cpu"), "off")


def forward(images):
    """Share of each colour among all levels, float32 [n, 3]."""
    levels = images.mean((1, 2), dtype=np.float64) + 1
    return (levels / levels.sum(1, keepdims=True)).astype(np.float32)


def colours(path=Path("colours.pt"), forward=forward, classes=CLASSES):
    words = [f"{name}, a colour" for name in classes]
    return Served(str(path), "numpy", PrepSettings(size=SIZE), list(classes), words, forward)


def picture(colour="red", kind="PNG", size=(80, 60)):
    """The bytes of a file that shows one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(file, kind)
    return file.getvalue()


@asynccontextmanager
async def serving(path=Path("colours.pt"), load=colours, token=None, said=None, **limits):
    """A service that has loaded its model, and a client in the same process."""
    said = [] if said is None else said
    service = Service(path, "colours", load, CPU, Limits(**limits), token, said.append)
    await service.serving.reload()
    transport = httpx.ASGITransport(make_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        try:
            yield service, client
        finally:
            await service.close()
