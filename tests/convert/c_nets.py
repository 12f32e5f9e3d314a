"""Networks with every kind of layer that a C program knows, and real images for them."""

import numpy as np
from onnx import TensorProto
from onnx_nets import Net
from sklearn.datasets import load_digits


def digits_images(count):
    """[count, 1, 8, 8], float32, 0 to 16."""
    return load_digits().images[:count, None].astype(np.float32)


def normalised(net):
    """Pre-processing as the exporter writes it."""
    net.node("Sub", [net.last, net.constant("mean", np.full((1, 1, 1), 4.9, np.float32))])
    return net.node("Div", [net.last, net.constant("deviation", np.full((1, 1, 1), 6.0, np.float32))])


def residual_net(seed=3):
    """Convolutions plain, strided, grouped, depthwise and sparse; a residual, all pools, clips and hard swish."""
    net = Net([1, 8, 8], seed=seed)
    normalised(net)
    net.conv("stem", 1, 8, pad=1)
    before = net.node("Relu")
    net.conv("sparse", 8, 8, pad=1, density=0.2)
    net.node("Clip", [net.last, net.constant("low", np.float32(-2)), net.constant("high", np.float32(3))])
    net.conv("depthwise", 1, 8, pad=1, group=8)
    net.node("Add", [net.last, before])
    net.node("HardSwish")
    net.conv("strided", 8, 12, pad=1, strides=[2, 2], density=0.4)
    net.node("Relu")
    net.node("MaxPool", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    net.node("AveragePool", kernel_shape=[2, 2], strides=[1, 1], pads=[0, 0, 1, 1])
    net.conv("grouped", 6, 10, kernel=1, group=2)
    net.node("HardSwish")
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.gemm("hidden", 10, 300, 0.3)
    net.node("Relu")
    net.gemm("head", 300, 10, 0.02)
    return net.model()


def series_net(seed=4):
    """A 1-D network over 3 channels of 40 samples."""
    net = Net([3, 40], seed=seed)
    weight = net.weight("first.weight", (6, 3, 5), 0.5, 0)
    net.node(
        "Conv", [net.last, weight, net.bias("first.bias", 6)], kernel_shape=[5], auto_pad="SAME_LOWER", strides=[2]
    )
    net.node("Relu")
    net.node("MaxPool", kernel_shape=[2], strides=[2])
    weight = net.weight("second.weight", (8, 6, 3), 0.3, 0)
    net.node("Conv", [net.last, weight], kernel_shape=[3], dilations=[2])
    net.node("Relu")
    net.node("ReduceMean", [net.last, net.constant("axes", np.array([-1]))], keepdims=0)
    net.gemm("head", 8, 4)
    return net.model()


def bytes_net(seed=5):
    """uint8 pixels, channels last, one mean and deviation a channel."""
    net = Net([6, 5, 3], TensorProto.UINT8, seed=seed)
    net.node("Cast", to=TensorProto.FLOAT)
    net.node("Transpose", perm=[0, 3, 1, 2])
    net.node("Sub", [net.last, net.constant("mean", np.float32([120, 100, 90]).reshape(3, 1, 1))])
    net.node("Mul", [net.last, net.constant("scale", np.float32([0.02, 0.015, -0.01]).reshape(3, 1, 1))])
    net.conv("conv", 3, 7, density=0.4)
    net.node("Relu")
    net.node("Flatten")
    net.gemm("head", 7 * 4 * 3, 5, 0.2)
    return net.model()
