"""Models: backbones with an embedding on top, and the weights they start from."""
