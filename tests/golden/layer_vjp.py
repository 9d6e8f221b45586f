def vjp_layer(args, out_bar):
    x, w, b = args
    even(x.shape[1], w.shape[0])
    even(w.shape[1], b.shape[0])
    t = x @ w

    # reverse sweep
    n = w.shape[1]
    b_bar = np.zeros((n,), np.float64)
    t_bar = t
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(n):
            h = tanh(t[i, j] + b[j])
            total += h * h
            t_bar2 = (1.0 - h * h) * (2.0 * h * out_bar)
            t_bar[i, j] = t_bar2
            b_bar[j] += t_bar2
    x_bar = t_bar @ w.T
    w_bar = x.T @ t_bar
    return total, (x_bar, w_bar, b_bar)
