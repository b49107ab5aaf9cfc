"""Where a picture's depth map comes from, if nobody gives one: a file beside it, or a network that is on this machine."""
