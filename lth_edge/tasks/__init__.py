"""WHAT is compressed: model, data, loss, metric."""
