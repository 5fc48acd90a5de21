"""The way from a source's files to rows of images: decode, hash, merge and count."""
