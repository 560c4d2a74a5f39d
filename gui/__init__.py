"""The console: a window on a Node; holds no truth of its own."""
