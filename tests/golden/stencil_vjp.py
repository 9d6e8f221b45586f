def vjp_stencil(args, out_bar):
    u, = args
    u_bar = np.zeros_like(u)
    t = max(u.shape[0] - 2, 0)
    t2 = max(u.shape[1] - 2, 0)
    out = np.empty((t, t2), np.float64)
    for i in range(t):
        i2 = i + 2
        i3 = i + 1
        for j in range(t2):
            out[i, j] = 0.25 * (u[i, j + 1] + u[i2, j + 1]) - np.square(u[i3, j + 1])

    # reverse sweep
    same_shape(out, out_bar)
    for i in range(t):
        i2 = i + 1
        i3 = i + 1
        for j in range(t2):
            u_bar[i3, j + 1] += 2.0 * u[i2, j + 1] * -out_bar[i, j]
        for j in range(t2):
            u_bar[i, j + 1] += 0.25 * out_bar[i, j]
        i2 = i + 2
        for j in range(t2):
            u_bar[i2, j + 1] += 0.25 * out_bar[i, j]
    return out, (u_bar,)
