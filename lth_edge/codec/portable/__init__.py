"""The coder of kernels/codec in Python: slow, for machines without the library, and the other witness in tests."""
