"""One file, one section of the manifest: its model, its rules, what it becomes, what it offers."""
