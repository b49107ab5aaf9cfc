"""Moving pictures: what changes from frame to frame."""
