"""Of the store."""
