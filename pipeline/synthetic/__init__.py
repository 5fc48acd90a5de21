"""Generated images with tags and ground truth masks, for the demo and for tests."""
