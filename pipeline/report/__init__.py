"""What a run shows to people: the contact sheet and the ladder of its rounds."""
