"""YAML with places: text in, a tree out in which every key and value knows its line and column.

Nothing here knows what a manifest may say; nothing elsewhere counts lines.
"""
