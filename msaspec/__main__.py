"""`python -m msaspec`."""

from msaspec.cli import main

main(prog_name="msaspec")
