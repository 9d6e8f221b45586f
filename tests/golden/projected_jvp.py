def jvp_projected(args, tangents):
    a, x = args
    a_dot, x_dot = tangents
    same_shape(a, a_dot)
    same_shape(x, x_dot)
    n = a.shape[1]
    total, total_dot = 0.0, 0.0
    for i in range(a.shape[0]):
        s, s_dot = 0.0, 0.0
        for j in range(n):
            t = a[i, j]
            t2 = x[j]
            s += t * t2
            s_dot += a_dot[i, j] * t2 + t * x_dot[j]
        total += s * s
        total_dot += 2.0 * s * s_dot
    return total, total_dot
