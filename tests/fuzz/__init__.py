"""Every decoder that reads foreign bytes, fed with bytes that nobody wrote (`make fuzz`)."""
