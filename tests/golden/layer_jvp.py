def jvp_layer(args, tangents):
    x, w, b = args
    x_dot, w_dot, b_dot = tangents
    same_shape(x, x_dot)
    same_shape(w, w_dot)
    same_shape(b, b_dot)
    even(x.shape[1], w.shape[0])
    even(w.shape[1], b.shape[0])
    t = x @ w
    t2 = x_dot @ w
    t3 = x @ w_dot
    n = w.shape[1]
    total, total2 = 0.0, 0.0
    for i in range(x.shape[0]):
        for j in range(n):
            h = tanh(t[i, j] + b[j])
            total += h * h
            total2 += 2.0 * h * ((1.0 - h * h) * (t2[i, j] + t3[i, j] + b_dot[j]))
    return total, total2
