def jvp_smoothed(args, tangents):
    x, = args
    x_dot, = tangents
    same_shape(x, x_dot)
    y = np.copy(x)
    y_dot = np.copy(x_dot)
    for i in range(1, x.shape[0] - 1):
        t = i - 1
        t2 = y[t]
        t3 = math.sin(t2)
        t4 = i + 1
        t5 = y[t4]
        t_dot = np.cos(t2) * y_dot[t] * t5 + t3 * y_dot[t4]
        y[i] = t3 * t5
        y_dot[i] = t_dot
    return y, y_dot
