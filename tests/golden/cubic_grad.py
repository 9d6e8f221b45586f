def grad_cubic(x):
    x_bar = x * x + 2.0 * x * x
    return x_bar
