"""`alexprep download`: sets that torchvision can download."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH


@click.command(short_help="Let torchvision download a set, and check it.")
@click.argument("name")
@click.argument("folder", type=PATH)
def download(name: str, folder: Path) -> None:
    """Let torchvision download the set NAME into FOLDER, and check its files.

    NAME is CIFAR10, CIFAR100, MNIST, FashionMNIST, KMNIST, STL10, Imagenette, Country211 or
    RenderedSST2. What is there already is not downloaded again.

    \b
    Example:
      alexprep download CIFAR10 /raw
      alexprep shard /raw /shards --layout torchvision:CIFAR10 --size 32
    """
    from alexprep.raw.torchvision import bring

    raw = bring(name, folder)
    for line in raw.found:
        click.echo(line)
    click.echo(f"Next: alexprep shard {folder} SHARDS --layout {raw.layout}")
