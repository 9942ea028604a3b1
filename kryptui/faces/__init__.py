"""Finding faces in pictures, and their points."""
