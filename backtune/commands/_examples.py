"""Examples at the end of a command's help, one a line."""

from __future__ import annotations


def examples(*commands: str) -> str:
    """Return the end of a help text that shows these commands."""
    return "Examples:\n\n" + "\n\n".join(f"[bold]{command}[/bold]" for command in commands)
