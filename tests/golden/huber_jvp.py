def jvp_huber(args, tangents):
    x, = args
    x_dot, = tangents
    t = abs(x)
    t_dot = np.sign(x) * x_dot
    if t < 1.0:
        t2 = 0.5 * x
        y = t2 * x
        y_dot = 0.5 * x_dot * x + t2 * x_dot
    else:
        y = t - 0.5
        y_dot = t_dot
    out = 3.0 * y
    out_dot = 3.0 * y_dot
    return out, out_dot
