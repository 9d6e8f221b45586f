def vjp_scaled(args, out_bar):
    a, = args
    b = np.copy(a)
    n = a.shape[0]
    n2 = a.shape[1]
    room = n * n2
    if not fits(room, 8):
        raise MemoryError('the tape of the loop at test_golden.py:113 needs', room * 8, 'bytes')
    t_tape = np.empty((n, n2))
    if not fits(n, 8):
        raise MemoryError('the tape of the loop at test_golden.py:121 needs', n * 8, 'bytes')
    t_tape2 = np.empty(n)
    for i in range(n):
        t = b[i, 0]
        t_tape2[i] = t
        for j in range(n2):
            t2 = b[i, j]
            t_tape[i, j] = t2
            b[i, j] = t2 * t

    # reverse sweep
    same_shape(b, out_bar)
    b_bar = np.copy(out_bar)
    for i in range(n - 1, -1, -1):
        t = t_tape2[i]
        t_bar = 0.0
        for j in range(n2):
            t2 = t_tape[i, j]
            t_bar2 = b_bar[i, j]
            b_bar[i, j] = 0.0
            t_bar = plus(t_bar, t2 * t_bar2)
            b_bar[i, j] += t_bar2 * t
        b_bar[i, 0] += t_bar
    return b, (b_bar,)
