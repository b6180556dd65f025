"""`python -m backtune` is the program."""

from backtune.cli import run

run()
