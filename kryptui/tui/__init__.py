"""The Textual app: one frame, six screens, and what they are made of."""
