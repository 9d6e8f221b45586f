def jvp_straight(args, tangents):
    x, y = args
    x_dot, y_dot = tangents
    r = math.sqrt(x * x + y * y)
    r_dot = np.divide(0.5 * (2.0 * x * x_dot + 2.0 * y * y_dot), r)
    t = math.exp(-r)
    out = t * x / r
    out_dot = np.divide(t * -r_dot * x + t * x_dot - out * r_dot, r)
    return out, out_dot
