def grad_logistic(r, n):
    room = max(n, 0)
    if not fits(room, 8):
        raise MemoryError('the tape of the loop at test_golden.py:53 needs', room * 8, 'bytes')
    x_tape = np.empty(max(n, 0))
    x = 0.5
    for k in range(n):
        x_tape[k] = x
        x = r * x * (1.0 - x)

    # reverse sweep
    x_bar, r_bar = 1.0, 0.0
    for k in range(n - 1, -1, -1):
        x = x_tape[k]
        t_bar = x_bar * (1.0 - x)
        r_bar = plus(r_bar, t_bar * x)
        x_bar = -(r * x * x_bar) + r * t_bar
    return r_bar
