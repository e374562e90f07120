"""The gateway's own store: it knows the model and errors, and nothing of dialects or HTTP."""
