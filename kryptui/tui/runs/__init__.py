"""The Runs page: the record as a table that lives."""
