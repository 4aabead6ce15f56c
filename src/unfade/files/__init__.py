"""A photograph becomes an array, and a file again."""
