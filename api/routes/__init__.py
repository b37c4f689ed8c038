"""One module for each subject; each has its `routes`."""
