def vjp_huber(args, out_bar):
    x, = args
    t = abs(x)
    test = t < 1.0
    if test:
        y = 0.5 * x * x
    else:
        y = t - 0.5
    out = 3.0 * y

    # reverse sweep
    y_bar = 3.0 * out_bar
    if test:
        x_bar = 0.5 * x * y_bar + 0.5 * (y_bar * x)
        y_bar = 0.0
    else:
        x_bar = 0.0
    x_bar += np.sign(x) * y_bar
    return out, (x_bar,)
