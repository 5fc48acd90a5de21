"""What a dataset says of itself: card, Croissant, figures, quality flags, verdicts."""
