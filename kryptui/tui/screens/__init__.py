"""One page a file: Runs, Data, Configure, Live, Compare, Submit."""
