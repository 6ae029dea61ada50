"""One file a tool whose files `msaspec import` reads; the name of the file is that of the tool. Found by being here.

Each has `load(paths, options) -> Imported`. What two importers share is in `importing/`.
"""
