"""Of the backends."""
