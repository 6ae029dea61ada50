"""What importers share: files of other tools as trees whose every value has its place, the report of what became of
each, the manifest as it is drafted with comments, and the last check of it. Nothing here knows one tool; that is
`importers/`. A manifest that is there already is read in `source/`.
"""
