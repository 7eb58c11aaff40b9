"""`python -m alexprep` is `alexprep`."""

from alexprep.cli import main

main(prog_name="alexprep")
