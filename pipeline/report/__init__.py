"""Run reports: contact sheet, ladder of the rounds, and the inspect page."""
