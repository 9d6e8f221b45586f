def jvp_layer(args, tangents):
    x, w, b = args
    x_dot, w_dot, b_dot = tangents
    same_shape(x, x_dot)
    same_shape(w, w_dot)
    same_shape(b, b_dot)
    even(x.shape[1], w.shape[0])
    even(w.shape[1], b.shape[0])
    n = w.shape[1]
    n2 = x.shape[0]
    strip = rows_together(n2, max(x.shape[1], w.shape[1]))
    work = np.empty((strip, w.shape[1]), np.float64)
    work2 = np.empty((strip, w.shape[1]), np.float64)
    work3 = np.empty((strip, w.shape[1]), np.float64)
    total, total2 = 0.0, 0.0
    for start in range(0, n2, strip):
        rows = rows_left(n2, start, strip)
        t = start + rows
        x2 = x[start:t]
        t2 = work[:rows]
        x_dot2 = x_dot[start:t]
        t3 = work2[:rows]
        t4 = work3[:rows]
        np.dot(x2, w, t2)
        np.dot(x_dot2, w, t3)
        np.dot(x2, w_dot, t4)
        for i in range(rows):
            for j in range(n):
                h = tanh(t2[i, j] + b[j])
                total += h * h
                total2 += 2.0 * h * ((1.0 - h * h) * (t3[i, j] + t4[i, j] + b_dot[j]))
    return total, total2
