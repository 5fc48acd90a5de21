"""From files of a source to rows of pictures: decoded, hashed, merged, counted."""
