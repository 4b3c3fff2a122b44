"""The command line: parse, make a configuration, call the core once, show what came back."""
