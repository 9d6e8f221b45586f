def grad_projected(a, x):
    a_bar = np.zeros_like(a)
    n = a.shape[0]
    n2 = a.shape[1]
    if not fits(n, 8):
        raise MemoryError('the tape of the loop at test_golden.py:103 needs', n * 8, 'bytes')

    # reverse sweep
    for i in range(n):
        s = 0.0
        for j in range(n2):
            s += a[i, j] * x[j]
        s_bar = 2.0 * s * 1.0
        for j in range(n2 - 1, -1, -1):
            a_bar[i, j] += s_bar * x[j]
    return a_bar
