def vjp_stencil(args, out_bar):
    u, = args
    u_bar = np.zeros_like(u)
    inner = u[1:-1, 1:-1]
    inner_bar = u_bar[1:-1, 1:-1]
    t = u[:-2, 1:-1]
    t_bar = u_bar[:-2, 1:-1]
    t2 = u[2:, 1:-1]
    t_bar2 = u_bar[2:, 1:-1]
    t3 = 0.25 * (t + t2)
    t4 = inner * inner
    out = t3 - t4

    # reverse sweep
    same_shape(out, out_bar)
    t_bar3 = unbroadcast(out_bar, t3)
    inner_bar += 2.0 * inner * unbroadcast(-out_bar, t4)
    t_bar3 = 0.25 * t_bar3
    t_bar += unbroadcast(t_bar3, t)
    t_bar2 += unbroadcast(t_bar3, t2)
    return out, (u_bar,)
