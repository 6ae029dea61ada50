"""One file, one runtime: how a service runs, and the fields of its own.

A runtime takes a `Workload`, in which everything is resolved, and gives a `Part`. What two of them share is in `aws/`;
it knows no kind.
"""
