"""SHOW: one JSON report as a terminal table, as Markdown, and as one HTML page that needs no network."""
