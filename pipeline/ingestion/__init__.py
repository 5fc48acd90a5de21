"""From files of a source to rows of images: decoded, hashed, merged, counted."""
