"""The files of web sites, from a folder of this machine into the bucket of a stack.

What compares is pure (`difference.py`, `headers.py`); `folder.py` reads the machine; `record.py` and `publishing.py`
ask S3 and CloudFront. What the bucket, the distribution and the function are is in the template (`aws/`), and not here.
"""
