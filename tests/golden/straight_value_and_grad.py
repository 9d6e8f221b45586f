def value_and_grad_straight(x, y):
    r = math.sqrt(x * x + y * y)
    t = math.exp(-r)
    out = t * x / r

    # reverse sweep
    t_bar = np.divide(1.0, r)
    x_bar = t * t_bar + 2.0 * x * (0.5 * np.divide(out * -t_bar - t * (t_bar * x), r))
    return out, x_bar
