"""The controls a player may move, one idea a file; every `Control` found here is offered."""
