"""Generated pictures with tags and true masks, for the demo and for tests."""
