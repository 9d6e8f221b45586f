def jvp_logistic(args, tangents):
    r, n = args
    r_dot, = tangents
    x, x_dot = 0.5, 0.0
    for _ in range(n):
        t = r * x
        t2 = 1.0 - x
        x2 = t * t2
        x_dot = (r_dot * x + r * x_dot) * t2 + t * -x_dot
        x = x2
    return x, x_dot
