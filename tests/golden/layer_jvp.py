def jvp_layer(args, tangents):
    x, w, b = args
    x_dot, w_dot, b_dot = tangents
    same_shape(x, x_dot)
    same_shape(w, w_dot)
    same_shape(b, b_dot)
    t = x @ w
    t2 = x_dot @ w
    t3 = x @ w_dot
    n = joined(w.shape[1], b.shape[0])
    by = step(w.shape[1], n)
    by2 = step(b.shape[0], n)
    total, total2 = 0.0, 0.0
    for i in range(x.shape[0]):
        for j in range(n):
            h = tanh(t[i, j * by] + b[j * by2])
            total += h * h
            total2 += 2.0 * h * ((1.0 - h * h) * (t2[i, j * by] + t3[i, j * by] + b_dot[j * by2]))
    return total, total2
