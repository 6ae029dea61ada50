"""One file, one form in which a deployment is told: `text` for people, `json` for programs; `live` and `lines` show
how far an operation is, on a terminal and elsewhere."""
