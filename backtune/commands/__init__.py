"""Commands of the command line, one file each: PLACE (order in the help) and add_to(app)."""
