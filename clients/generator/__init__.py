"""Writes what the clients take from the contract: models, operations, reasons of errors, and the webhook vectors.

`python -m generator` from `clients/` writes the files, `--check` only compares. `./dev clients` calls both.
"""
