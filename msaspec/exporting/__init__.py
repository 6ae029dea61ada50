"""What a system is on a developer's machine: the local form of each store, the values of variables, the file's text.

`exporters/` has one file for each tool that a system is written for.
"""
