"""PRESETS: recipes of the literature, and what was published for them."""
