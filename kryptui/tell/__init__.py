"""Runs and comparisons as people read them: what the record says, drawn; shared by command line and screens."""
