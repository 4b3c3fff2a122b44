"""A local web page that lifts live: a server on this machine, and the page in `page/`; docs/live.md tells of it."""
