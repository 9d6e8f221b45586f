def hvp_cubic(x, v):
    t_dot = 2.0 * x * v

    # reverse sweep
    x_bar_dot = t_dot + (2.0 * v * x + t_dot)
    return x_bar_dot
