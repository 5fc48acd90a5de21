"""Publication of a dataset: its rows, quality flags, card and Croissant file, and their check."""
