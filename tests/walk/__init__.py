"""Every endpoint that the vendors' documents name, asked over HTTP of a gateway on its own store, and what it must say.

The list is tests/spec/endpoints.tsv. A row without a request here is a failure, and so is a request without a row.
"""
