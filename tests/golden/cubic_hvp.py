def hvp_cubic(x, v):
    x_bar_dot = 2.0 * x * v + (2.0 * v * x + 2.0 * x * v)
    return x_bar_dot
