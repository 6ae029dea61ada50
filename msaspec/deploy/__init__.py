"""From a compiled stack to a running one: everything that speaks to AWS. Loaded by the commands that do."""
