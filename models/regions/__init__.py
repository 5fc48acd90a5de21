"""Methods that label regions of an image: proposals, their descriptors, and trees of them."""
