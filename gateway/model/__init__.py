"""What is meant, in no dialect's words: values, queries, updates, operations. Plain data; imports `errors` only."""
