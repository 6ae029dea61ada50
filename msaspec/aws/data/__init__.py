"""Types that hold data, an AWS service a file: how they are named, protected, emptied and erased.

Templates are not made here. What runs against AWS is called by `deploy/` only, with its clients.
"""
