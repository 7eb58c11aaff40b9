"""The contract between preparing and training: how prepared images lie on the disk.

Only numpy and the standard library are imported here. docs/format.md says it for users.
"""
