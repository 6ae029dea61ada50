"""Rules over the resolved system: a file with `check(plan)` and its codes.

Here belongs what a manifest of the right shape gets wrong. The shape itself is pydantic's (`manifest/`); what only a
patch can bring in is judged in `of_the_template/`.
"""
