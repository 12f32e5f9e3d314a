"""A run on devices, side by side: what they measured and what was estimated, as a table, Markdown and one HTML page."""
