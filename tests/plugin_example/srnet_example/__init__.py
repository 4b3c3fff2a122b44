"""A package that adds a model and a data set to srnet; it is explained in docs/plugins.md."""
