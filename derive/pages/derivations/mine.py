import numpy as np


def backward(dy, x, gamma, beta, eps=1e-5):
    mu, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    xhat = (x - mu) / np.sqrt(var + eps)
    dbeta, dgamma = dy.sum(axis=0), (dy * xhat).sum(axis=0)
    dx = gamma / np.sqrt(var + eps) * (dy - dbeta / len(x) - xhat * dgamma / (len(x) - 1))
    return dx, dgamma, dbeta
