def vjp_straight(args, out_bar):
    x, y = args
    r = math.sqrt(x * x + y * y)
    t = math.exp(-r)
    out = t * x / r

    # reverse sweep
    t_bar = np.divide(out_bar, r)
    t_bar2 = 0.5 * np.divide(out * -t_bar - t * (t_bar * x), r)
    y_bar = 2.0 * y * t_bar2
    x_bar = t * t_bar + 2.0 * x * t_bar2
    return out, (x_bar, y_bar)
