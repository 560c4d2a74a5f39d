"""Real nodes in network namespaces of their own, cut off from each other by rules of the kernel."""
