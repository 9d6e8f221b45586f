def vjp_layer(args, out_bar):
    x, w, b = args
    t = x @ w
    h = np.tanh(t + b)
    t2 = h * h
    out = np.sum(t2)

    # reverse sweep
    t_bar = (1.0 - h * h) * (2.0 * h * fill(out_bar, t2.shape))
    t_bar2 = unbroadcast(t_bar, t)
    x_bar = t_bar2 @ w.T
    w_bar = x.T @ t_bar2
    b_bar = np.copy(unbroadcast(t_bar, b))
    return out, (x_bar, w_bar, b_bar)
