"""Read HTML: its tags in linear time, and its text and links as a reader sees them."""
