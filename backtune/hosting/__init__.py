"""Plugins in a child process, built-in effects, sampling of instruments; the only importer of pedalboard."""
