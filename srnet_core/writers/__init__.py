"""Files of motion for other programs: one format per file, each beside nothing but `Motion`."""
