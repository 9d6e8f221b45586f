def grad_root(a):
    x_tape, x_tape_top = np.empty(0), 0
    test_tape, test_tape_top = np.empty(0, np.bool), 0
    x, trips = a, 0
    while True:
        x_tape = room(x_tape, x_tape_top + 1, 83)
        x_tape[x_tape_top] = x
        x_tape_top += 1
        trips += 1
        new = 0.5 * (x + a / x)
        test = abs(new - x) < 1e-12
        test_tape = room(test_tape, test_tape_top + 1, 83)
        test_tape[test_tape_top] = test
        test_tape_top += 1
        if not test:
            x = new
        if test: break

    # reverse sweep
    x_bar, a_bar = 1.0, 0.0
    for k in range(trips - 1, -1, -1):
        x_tape_top -= 1
        x = x_tape[x_tape_top]
        test_tape_top -= 1
        test = test_tape[test_tape_top]
        if test:
            new_bar = 0.0
        else:
            x_bar, new_bar = 0.0, x_bar
        t_bar = 0.5 * new_bar
        bar = np.divide(t_bar, x)
        a_bar = plus(a_bar, bar)
        x_bar = x_bar + t_bar + a / x * -bar
    a_bar += x_bar
    return a_bar
