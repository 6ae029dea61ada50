"""One command a file, found by its name. The first line of its docstring is what `msaspec --help` shows.

A command reads options and calls one function; heavy imports stay inside it. What commands share is in `cli/`; what
they do is in the rooms that they call.
"""
