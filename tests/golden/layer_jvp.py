def jvp_layer(args, tangents):
    x, w, b = args
    x_dot, w_dot, b_dot = tangents
    same_shape(x, x_dot)
    same_shape(w, w_dot)
    same_shape(b, b_dot)
    h = np.tanh(x @ w + b)
    out = np.sum(h * h)
    out_dot = np.sum(2.0 * h * ((1.0 - h * h) * (x_dot @ w + x @ w_dot + b_dot)))
    return out, out_dot
