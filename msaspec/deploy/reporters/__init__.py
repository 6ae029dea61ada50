"""One file, one form in which a deployment is shown: `text` for people, `json` for programs.

`live` and `lines` show how far an operation is, on a terminal and elsewhere. What is said, and when, is decided in
`deploy/`; diagnostics have their forms in `diagnostics/reports/`.
"""
