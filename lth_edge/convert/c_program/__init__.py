"""ONNX -> a C program for microcontrollers: read, quantise, plan the arena, emit."""
