"""What this machine offers and what is wrong with it: checks that end in a finding each, shown by any front."""
