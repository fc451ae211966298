"""Layers that are not shipped, for the tests of the engine."""

from derive.layers import read_layer

LAYERS = {
    "transposed": """
z: [F, B]
g: [F]
o: [F]
e: constant = 1e-5
assert e > 0
m[f] = mean(z[f, b] for b in B)
s2[f] = mean((z[f, b] - m[f])**2 for b in B)
n[f, b] = (z[f, b] - m[f]) / sqrt(s2[f] + e)
out1[f, b] = g[f]*n[f, b] + o[f]
""",
    "split": """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j] = mean(x[i, j] for i in N)
xc[i, j] = x[i, j] - mu[j]
var[j] = mean(xc[i, j]**2 for i in N)
std[j] = sqrt(var[j] + eps)
xhat[i, j] = xc[i, j]/std[j]
s[i, j] = gamma[j]*xhat[i, j]
y[i, j] = s[i, j] + beta[j]
""",
    "split_inverse": """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j] = sum(x[i, j] for i in N)/N
sq[i, j] = (x[i, j] - mu[j])**2
var[j] = sum(sq[i, j] for i in N)/N
inv[j] = 1/sqrt(var[j] + eps)
xhat[i, j] = (x[i, j]-mu[j])*inv[j]
y[i, j] = gamma[j]*xhat[i, j] + beta[j]
""",
    "without_xhat": """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j] = mean(x[i, j] for i in N)
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
y[i, j] = gamma[j]*(x[i, j] - mu[j])/sqrt(var[j] + eps) + beta[j]
""",
    "one_line": """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
y[i, j] = gamma[j]*(x[i, j] - mean(x[k, j] for k in N))/sqrt(
    mean((x[k, j] - mean(x[l, j] for l in N))**2 for k in N) + eps) + beta[j]
""",
    "weights_inline": """
x: [N, D]
w: constant[N]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
assert w > 0
mu[j] = sum(w[i]*x[i, j] for i in N)/sum(w[i] for i in N)
var[j] = sum(w[i]*(x[i, j] - mu[j])**2 for i in N)/sum(w[i] for i in N)
xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)
y[i, j] = gamma[j]*xhat[i,j] + beta[j]
""",
    "rms_norm_without_xhat": """
x: [N, D]
gamma: [D]
eps: constant = 1e-5
assert eps > 0
ms[i] = mean(x[i, j]**2 for j in D)
y[i, j] = gamma[j]*x[i, j]/sqrt(ms[i] + eps)
""",
    "length_inline": """
x: [N, D]
eps: constant = 1e-5
assert eps > 0
y[i, j] = x[i, j]/sqrt(sum(x[i, k]**2 for k in D) + eps)
""",
    "softmax_inline": """
x: [N, C]
p[n, c] = exp(x[n, c])/sum(exp(x[n, k]) for k in C)
""",
    "log_of_p": """
x: [N, C]
t: constant[N, C]
assert sum(t[n, c] for c in C) == 1
m[n] = max(x[n, c] for c in C)
e[n, c] = exp(x[n, c] - m[n])
s[n] = sum(e[n, c] for c in C)
p[n, c] = e[n, c]/s[n]
L = -mean(sum(t[n, c]*log(p[n, c]) for c in C) for n in N)
""",
    "gelu_one_line": """
x: [N]
y[i] = x[i]/2*(1 + tanh(sqrt(2/pi)*(x[i] + 0.044715*x[i]**3)))
""",
    "lstm": """
x: [N, K]
h0: [N, H]
c0: [N, H]
Wi: [K, H]
Wf: [K, H]
Ui: [H, H]
i[n, h] = sigmoid(sum(x[n, k]*Wi[k, h] for k in K) + sum(h0[n, l]*Ui[l, h] for l in H))
f[n, h] = sigmoid(sum(x[n, k]*Wf[k, h] for k in K))
c: output
c[n, h] = f[n, h]*c0[n, h] + i[n, h]
hh[n, h] = tanh(c[n, h])*i[n, h]
""",
    "two_batch_norms": """
x: [N, D]
gamma: [D]
eps: constant = 1e-5
assert eps > 0
mu[j] = mean(x[i, j] for i in N)
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)
y[i, j] = gamma[j]*xhat[i, j]
mu2[j] = mean(y[i, j] for i in N)
var2[j] = mean((y[i, j] - mu2[j])**2 for i in N)
yhat[i, j] = (y[i, j] - mu2[j])/sqrt(var2[j] + eps)
""",
    "renamed_shuffled": """
var: r"\\sigma^2"
out_[b, f] = scale[f]*normed[b, f] + shift[f]
normed[b, f] = (inp[b, f] - m[f])*istd[f]
istd[f] = (var[f] + tiny)**(-1/2)
var[f] = sum(c[b, f]*c[b, f] for b in Batch)/Batch
c[b, f] = inp[b, f] - m[f]
m[f] = 1/Batch*sum(inp[b, f] for b in Batch)
inp: [Batch, Feat]
scale: [Feat]
shift: [Feat]
tiny: constant = 0.001
assert tiny > 0
""",
    "unicode": """
x: [N, D]
γ: [D]
β: [D]
ε: constant = 1e-5
assert ε > 0
μ[j] = mean(x[i, j] for i in N)
σ2[j] = mean((x[i, j] - μ[j])**2 for i in N)
x̂[i, j] = (x[i, j] - μ[j])/sqrt(σ2[j] + ε)
y[i, j] = γ[j]*x̂[i, j] + β[j]
""",
    "cosine": """
a: [N]
b: [N]
temp: constant = 0.5
assert temp > 0
dot = sum(a[i]*b[i] for i in N)
na = sqrt(sum(a[i]**2 for i in N))
nb = sqrt(sum(b[i]**2 for i in N))
cosine = dot/(na*nb)
loss = -log(sigmoid(cosine/temp))
""",
    "contrastive": """
z: [N, K]
w: [N, K]
s[i, j] = sum(z[i, k]*w[j, k] for k in K)
m[i] = max(s[i, j] for j in N)
e[i, j] = exp(s[i, j] - m[i])
t[i] = sum(e[i, j] for j in N)
L = -mean(s[i, i] - m[i] - log(t[i]) for i in N)
""",
    "softmax_inline_max": """
x: [N, C]
p[n, c] = exp(x[n, c] - max(x[n, k] for k in C))/sum(exp(x[n, l] - max(x[n, k] for k in C)) for l in C)
""",
    "ties": """
x: [N, D]
m[i] = max(x[i, j] for j in D)
r[i, j] = relu(x[i, j] - m[i]/2) + abs(x[i, j]) + maximum(x[i, j], m[i]/3)
y[i] = sum(r[i, j] for j in D)*prod(x[i, j] for j in D)
""",
    "guarded": """
x: [N]
c: constant[N]
y[i] = where(c[i] > 0, log(c[i])*x[i], x[i]**2)
""",
    "distances": """
x: [N, K]
d[i, j] = sum((x[i, k] - x[j, k])**2 for k in K)
w[i, j] = exp(-d[i, j])
L = sum(w[i, j] for i in N for j in N)
""",
}


def text_of(name: str) -> str:
    """The text of a layer: one of these, or one that ships, likewise without its description and without gaps."""
    if name in LAYERS:
        return LAYERS[name]
    lines = read_layer(name).text.rpartition('"""')[2].splitlines()
    return "".join(f"{line}\n" for line in lines if line)
