"""What the standard modules compute: plain functions of parameters and inputs. No derivative is written here."""
import numpy as np

from .runtime import relu, sigmoid, softmax


def linear(weights, bias, x):
    return x @ weights + bias


def recurrent(weights, feedback, bias, x, state):
    return np.tanh(x @ weights + state @ feedback + bias)


def rectified(x):
    return relu(x)


def tanh(x):
    return np.tanh(x)


def logistic(x):
    return sigmoid(x)


def shares(x):
    return softmax(x)


def same(x):
    return x


def flattened(x):
    return x.reshape(x.shape[0], -1)


def masked(mask, x):
    """mask * x, by a loop: Numba takes seconds to compile an expression of arrays of four axes."""
    kept, values = mask.ravel(), x.ravel()
    out = np.empty_like(values)
    for i in range(values.size):
        out[i] = kept[i] * values[i]
    return out.reshape(x.shape)


def embedding(table, places):
    return table[places.ravel()].reshape((*places.shape, table.shape[1]))


def conv2d(weights, bias, stride, padding, x):
    """Each picture's patches are the columns of a matrix, which the weights multiply."""
    n, channels, height, width = x.shape
    filters, _, kh, kw = weights.shape
    rows, columns = (height + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    kernel = weights.reshape(filters, channels * kh * kw)
    out = np.empty((n, filters, rows, columns))
    for i in range(n):
        patches = np.zeros((channels * kh * kw, rows, columns))
        for c in range(channels):
            for a in range(kh):
                for b in range(kw):
                    for r in range(rows):
                        y = r * stride + a - padding
                        if 0 <= y < height:
                            for s in range(columns):
                                z = s * stride + b - padding
                                if 0 <= z < width:
                                    patches[(c * kh + a) * kw + b, r, s] = x[i, c, y, z]
        out[i] = (kernel @ patches.reshape(channels * kh * kw, rows * columns)).reshape(filters, rows, columns)
        for f in range(filters):
            out[i, f] += bias[f]
    return out


def max_pool(size, x):
    n, channels, height, width = x.shape
    out = np.empty((n, channels, height // size, width // size))
    for i in range(n):
        for c in range(channels):
            for r in range(height // size):
                for s in range(width // size):
                    best = x[i, c, r * size, s * size]
                    for a in range(size):
                        for b in range(size):
                            if x[i, c, r * size + a, s * size + b] > best:
                                best = x[i, c, r * size + a, s * size + b]
                    out[i, c, r, s] = best
    return out


def batch_norm(gain, shift, x):
    """Every channel of a batch, axis 1, with mean 0 and variance 1, then scaled."""
    y = x.reshape(x.shape[0], x.shape[1], -1)
    out = np.empty_like(y)
    for c in range(y.shape[1]):
        mean = np.mean(y[:, c])
        scale = gain[c] / np.sqrt(np.mean((y[:, c] - mean) ** 2) + 1e-5)
        out[:, c] = (y[:, c] - mean) * scale + shift[c]
    return out.reshape(x.shape)


def fixed_norm(gain, shift, means, variances, x):
    """The same with means and variances that are given."""
    y = x.reshape(x.shape[0], x.shape[1], -1)
    out = np.empty_like(y)
    for c in range(y.shape[1]):
        out[:, c] = (y[:, c] - means[c]) * (gain[c] / np.sqrt(variances[c] + 1e-5)) + shift[c]
    return out.reshape(x.shape)
