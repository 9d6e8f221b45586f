def jvp_projected(args, tangents):
    a, x = args
    a_dot, x_dot = tangents
    same_shape(a, a_dot)
    same_shape(x, x_dot)
    n = a.shape[1]
    total, total_dot = 0.0, 0.0
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(n):
            s += a[i, j] * x[j]
        s_dot = 0.0
        for j in range(n):
            s_dot = plus(s_dot, a_dot[i, j] * x[j] + a[i, j] * x_dot[j])
        total += s * s
        total_dot += 2.0 * s * s_dot
    return total, total_dot
