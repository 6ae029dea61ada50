"""Tools that a system is written for, one file each.

Each has `export(plan, manifest, output) -> Exported`, which changes nothing of the plan. What a store is on a
developer's machine is in `exporting/`; what other tools have is read by `importers/`.
"""
