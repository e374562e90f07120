"""mappings/*.yaml, read, checked and compiled into two-way tables before the port opens."""
