"""The parts that pages are made of; each knows nothing of the others."""
