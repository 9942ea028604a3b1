"""What the Submit page is made of: what can answer, what is asked for, its checks, the files that came of it."""
