"""The Live page: one run with its curves, log and controls."""
