"""What is meant, in no dialect's words: values, queries, updates, operations. Plain frozen data; imports `errors` only."""
