"""FIND winning tickets: train, prune, rewind, level by level."""
