def grad_projected(a, x):
    s_tape, s_tape_top = np.empty(0, np.float64), 0
    a_bar = np.zeros_like(a)
    n = a.shape[0]
    s_tape = room(s_tape, s_tape_top + n)
    for i in range(n):
        s = 0.0
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
        s_tape[s_tape_top] = s
        s_tape_top += 1

    # reverse sweep
    for i in range(n - 1, -1, -1):
        s_tape_top -= 1
        s = s_tape[s_tape_top]
        s_bar = 2.0 * s * 1.0
        for j in range(a.shape[1] - 1, -1, -1):
            a_bar[i, j] += s_bar * x[j]
    return a_bar
