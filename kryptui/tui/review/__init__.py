"""The review of a dataset's labels."""
