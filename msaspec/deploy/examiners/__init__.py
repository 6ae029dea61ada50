"""One file, one type of resource of which `msaspec status` tells how it is.

A file here is found by being here. Its `Examiner` asks AWS how the resources are; what makes them not well is a clause
in `Condition.faults`, and what may not be looked at is unknown. What does not start belongs to `investigators/`.
"""
