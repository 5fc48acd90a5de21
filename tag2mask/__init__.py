"""From image tags to pixel masks, at cluster scale."""
