def vjp_smoothed(args, out_bar):
    x, = args
    y = np.copy(x)
    t = x.shape[0] - 1
    trips = len(range(1, t, 1))
    if not fits(trips, 16):
        raise MemoryError('the tape of the loop at test_golden.py:63 needs', trips * 16, 'bytes')
    t_tape = np.empty(max(t - 1, 0))
    t_tape2 = np.empty(max(t - 1, 0))
    for i in range(1, t):
        t2 = math.sin(y[i - 1])
        t_tape[i - 1] = t2
        t3 = y[i + 1]
        t_tape2[i - 1] = t3
        y[i] = t2 * t3

    # reverse sweep
    same_shape(y, out_bar)
    y_bar = np.copy(out_bar)
    for i in range(t - 1, 0, -1):
        t2 = t_tape[i - 1]
        t3 = t_tape2[i - 1]
        t = i - 1
        t4 = y[t]
        t_bar = y_bar[i]
        y_bar[i] = 0.0
        y_bar[i + 1] += t2 * t_bar
        y_bar[t] += cos(t4) * (t_bar * t3)
    return y, (y_bar,)
