#!/usr/bin/python3
"""Writes tests/optim/reference.inc: what PyTorch's optimizers and schedules give, in double.

Optimizers PyTorch 1.13 does not have (Lion, LAMB, Muon) are computed with NumPy from the formulas
of their papers. Run from the repository's root with Debian's python3-torch.
"""
import math

import numpy as np
import torch

STEPS = 6


def start():
    return [np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]), np.array([0.1, -0.2, 0.3])]


def gradient(p, t):
    n = np.arange(p.size, dtype=np.float64).reshape(p.shape)
    return 0.5 * np.sin(n + t) + 0.3 * p


def with_torch(make):
    ps = [torch.tensor(p, requires_grad=True) for p in start()]
    opt = make(ps)
    out = []
    for t in range(STEPS):
        for p in ps:
            p.grad = torch.tensor(gradient(p.detach().numpy(), t))
        opt.step()
        out += [v for p in ps for v in p.detach().numpy().ravel()]
    return out


def with_numpy(rule):
    ps = start()
    states = [{} for _ in ps]
    out = []
    for t in range(STEPS):
        ps = [rule(p, gradient(p, t), s, t + 1) for p, s in zip(ps, states)]
        out += [v for p in ps for v in p.ravel()]
    return out


def lion(p, g, s, t, lr=0.01, b1=0.9, b2=0.99, decay=0.1):
    m = s.get("m", np.zeros_like(p))
    u = np.sign(b1 * m + (1 - b1) * g)
    s["m"] = b2 * m + (1 - b2) * g
    return p * (1 - lr * decay) - lr * u


def lamb(p, g, s, t, lr=0.01, b1=0.9, b2=0.999, eps=1e-6, decay=0.1):
    m = s["m"] = b1 * s.get("m", np.zeros_like(p)) + (1 - b1) * g
    v = s["v"] = b2 * s.get("v", np.zeros_like(p)) + (1 - b2) * g * g
    r = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps) + decay * p
    wn, rn = np.linalg.norm(p), np.linalg.norm(r)
    trust = wn / rn if wn > 0 and rn > 0 else 1.0
    return p - lr * trust * r


def muon(p, g, s, t, lr=0.02, mu=0.95, decay=0.1):
    if p.ndim < 2:
        q = p * (1 - lr * decay)
        m = s["m"] = 0.9 * s.get("m", np.zeros_like(p)) + 0.1 * g
        v = s["v"] = 0.999 * s.get("v", np.zeros_like(p)) + 0.001 * g * g
        return q - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    m = s["m"] = mu * s.get("m", np.zeros_like(p)) + (1 - mu) * g
    u = (1 - mu) * g + mu * m
    tall = u.shape[0] > u.shape[1]
    x = u.T if tall else u
    x = x / max(np.linalg.norm(x), 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    x = x.T if tall else x
    scale = math.sqrt(max(1.0, p.shape[0] / p.shape[1]))
    return p * (1 - lr * decay) - lr * scale * x


def lbfgs():
    # Rosenbrock's function with the strong Wolfe search.
    x = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([x], lr=1, max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        f = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        f.backward()
        return f

    opt.step(closure)
    return list(x.detach().numpy())


O = torch.optim
OPTIMIZERS = {
    "sgd": with_torch(lambda p: O.SGD(p, lr=0.1, weight_decay=0.01)),
    "sgd_momentum": with_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.9)),
    "sgd_dampening": with_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.9, dampening=0.3)),
    "sgd_nesterov": with_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True,
                                               weight_decay=0.02)),
    "adam": with_torch(lambda p: O.Adam(p, lr=0.05, weight_decay=0.01)),
    "amsgrad": with_torch(lambda p: O.Adam(p, lr=0.05, betas=(0.5, 0.6), amsgrad=True)),
    "adamw": with_torch(lambda p: O.AdamW(p, lr=0.05, weight_decay=0.1)),
    "rmsprop": with_torch(lambda p: O.RMSprop(p, lr=0.02, weight_decay=0.01)),
    "rmsprop_centered": with_torch(lambda p: O.RMSprop(p, lr=0.02, centered=True, momentum=0.5)),
    "adagrad": with_torch(lambda p: O.Adagrad(p, lr=0.1, lr_decay=0.1,
                                              initial_accumulator_value=0.2)),
    "adadelta": with_torch(lambda p: O.Adadelta(p, lr=1.0, weight_decay=0.01)),
    "lion": with_numpy(lion),
    "lamb": with_numpy(lamb),
    "muon": with_numpy(muon),
}


def rates(make, steps=30, lr=0.1):
    p = torch.nn.Parameter(torch.zeros(1))
    opt = torch.optim.SGD([p], lr=lr)
    sched = make(opt)
    out = []
    for _ in range(steps):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        try:
            sched.step()
        except ValueError:  # OneCycleLR ends
            break
    return out


S = torch.optim.lr_scheduler
SCHEDULES = {
    "step": rates(lambda o: S.StepLR(o, 7, 0.5)),
    "exponential": rates(lambda o: S.ExponentialLR(o, 0.9)),
    "cosine": rates(lambda o: S.CosineAnnealingLR(o, 29, eta_min=0.01)),
    "restarts": rates(lambda o: S.CosineAnnealingWarmRestarts(o, 10, eta_min=0.01)),
    "restarts_growing": rates(lambda o: S.CosineAnnealingWarmRestarts(o, 4, T_mult=2)),
    "one_cycle": rates(lambda o: S.OneCycleLR(o, max_lr=0.1, total_steps=30), 30),
    "polynomial": rates(lambda o: S.PolynomialLR(o, 20, power=2.0)),
}


def write(f, name, table):
    f.write(f"const std::map<std::string, std::vector<double>> {name} = {{\n")
    for key, values in table.items():
        numbers = ", ".join(repr(float(v)) for v in values)
        f.write(f'    {{"{key}", {{{numbers}}}}},\n')
    f.write("};\n")


with open("tests/optim/reference.inc", "w") as f:
    f.write("// Written by tools/make_optim_reference.py; do not edit.\n// clang-format off\n")
    write(f, "kOptimizers", OPTIMIZERS)
    write(f, "kSchedules", SCHEDULES)
    write(f, "kMinima", {"lbfgs": lbfgs()})
    f.write("// clang-format on\n")
