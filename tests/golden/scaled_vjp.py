def vjp_scaled(args, out_bar):
    a, = args
    t_tape, t_tape_top = np.empty(0, np.float64), 0
    t_tape2, t_tape_top2 = np.empty(0, np.float64), 0
    b = np.copy(a)
    b_bar = np.zeros_like(b)
    n = b.shape[0]
    t_tape2 = room(t_tape2, t_tape_top2 + n)
    for i in range(n):
        t = b[i, 0]
        t_tape2[t_tape_top2] = t
        t_tape_top2 += 1
        n2 = b.shape[1]
        t_tape = room(t_tape, t_tape_top + n2)
        for j in range(n2):
            t2 = b[i, j]
            t_tape[t_tape_top] = t2
            t_tape_top += 1
            b[i, j] = t2 * t

    # reverse sweep
    same_shape(b, out_bar)
    b_bar += out_bar
    for i in range(n - 1, -1, -1):
        t_tape_top2 -= 1
        t = t_tape2[t_tape_top2]
        t_bar = 0.0
        for j in range(b.shape[1] - 1, -1, -1):
            t_tape_top -= 1
            t2 = t_tape[t_tape_top]
            t_bar2 = b_bar[i, j]
            b_bar[i, j] = 0.0
            t_bar += t2 * t_bar2
            b_bar[i, j] += t_bar2 * t
        b_bar[i, 0] += t_bar
    a_bar = np.copy(b_bar)
    return b, (a_bar,)
