"""What executes operations: the embedded store, and (as they come) other servers over HTTP."""
