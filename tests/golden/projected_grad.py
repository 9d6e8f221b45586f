def grad_projected(a, x):
    a_bar = np.zeros_like(a)
    n = a.shape[1]

    # reverse sweep
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(n):
            s += a[i, j] * x[j]
        s_bar = 2.0 * s * 1.0
        for j in range(n):
            a_bar[i, j] += s_bar * x[j]
    return a_bar
