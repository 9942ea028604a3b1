"""The Data page: what is in a dataset, what is wrong with it, and what is made of it."""
