"""`python -m lth_edge` is the command line."""

from lth_edge.cli import main

main()
