def vjp_layer(args, out_bar):
    x, w, b = args
    even(x.shape[1], w.shape[0])
    even(w.shape[1], b.shape[0])

    # reverse sweep
    n = w.shape[1]
    b_bar = np.zeros((n,), np.float64)
    t = w.T
    n2 = x.shape[0]
    strip = rows_together(n2, max(x.shape[1], w.shape[1]))
    x_bar = np.empty(x.shape, np.float64)
    w_bar = np.zeros((x.shape[1], w.shape[1]), np.float64)
    n3 = w.shape[1]
    work = np.empty((strip, w.shape[1]), np.float64)
    total = 0.0
    for start in range(0, n2, strip):
        rows = rows_left(n2, start, strip)
        t2 = start + rows
        x2 = x[start:t2]
        t3 = work[:rows]
        x_bar2 = x_bar[start:t2]
        np.dot(x2, w, t3)
        t_bar = t3
        for i in range(rows):
            for j in range(n):
                h = tanh(t3[i, j] + b[j])
                total += h * h
                t_bar2 = (1.0 - h * h) * (2.0 * h * out_bar)
                t_bar[i, j] = t_bar2
                b_bar[j] += t_bar2
        np.dot(t_bar, t, x_bar2)
        add_product_of_rows(w_bar, x2, t_bar, rows)
    return total, (x_bar, w_bar, b_bar)
