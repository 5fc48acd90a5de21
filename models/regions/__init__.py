"""Methods that label regions of a picture: proposals, their descriptors, and trees of them."""
