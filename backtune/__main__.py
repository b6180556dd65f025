"""`python -m backtune` is the program."""

from backtune.cli import run

if __name__ == "__main__":  # worker processes import this file too
    run()
