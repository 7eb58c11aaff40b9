"""`python -m alextrain` is `alextrain`."""

from alextrain.cli import main

main(prog_name="alextrain")
