def vjp_layer(args, out_bar):
    x, w, b = args
    t = x @ w

    # reverse sweep
    n = x.shape[0]
    n2 = joined(w.shape[1], b.shape[0])
    by = step(w.shape[1], n2)
    by2 = step(b.shape[0], n2)
    t_bar = np.empty((n, n2), np.float64)
    total = 0.0
    for i in range(n):
        for j in range(n2):
            h = tanh(t[i, j * by] + b[j * by2])
            total += h * h
            t_bar[i, j] = (1.0 - h * h) * (2.0 * h * out_bar)
    t_bar2 = unbroadcast(t_bar, t)
    x_bar = t_bar2 @ w.T
    w_bar = x.T @ t_bar2
    b_bar = np.copy(unbroadcast(t_bar, b))
    return total, (x_bar, w_bar, b_bar)
