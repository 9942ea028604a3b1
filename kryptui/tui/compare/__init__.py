"""The Compare page: runs over one another."""
