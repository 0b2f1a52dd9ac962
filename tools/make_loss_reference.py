#!/usr/bin/python3
"""Writes tests/loss/reference.inc: what PyTorch's losses give, in double, with gradients.

Run from the repository's root with Debian's python3-torch.
"""
import torch
import torch.nn.functional as F

torch.manual_seed(3)
P = torch.randn(4, 5, dtype=torch.float64)  # predictions, logits
T = torch.randn(4, 5, dtype=torch.float64)
Q = torch.softmax(torch.randn(4, 5, dtype=torch.float64), -1)  # target distributions
B = (torch.rand(4, 5) > 0.5).double()
N = torch.tensor([1, 4, 0, 2])
W = torch.tensor([0.5, 2.0, 1.0, 0.0], dtype=torch.float64)
C = torch.randn(2, 7, 4, dtype=torch.float64)  # CTC: batch, time, classes
L = torch.tensor([[1, 2, 2], [3, 1, -1]])


def case(f, x=P):
    x = x.clone().requires_grad_(True)
    y = f(x)
    y.backward()
    return [y.item()] + x.grad.flatten().tolist()


def focal(x):
    ce = F.binary_cross_entropy_with_logits(x, B, reduction="none")
    p = torch.sigmoid(x)
    right = B * p + (1 - B) * (1 - p)
    alpha = B * 0.25 + (1 - B) * 0.75
    return (alpha * (1 - right) ** 2 * ce).mean()


def ctc(x):
    logs = F.log_softmax(x, -1).transpose(0, 1)
    return F.ctc_loss(logs, L.clamp(min=0), torch.tensor([7, 7]), torch.tensor([3, 2]))


CASES = {
    "mse": case(lambda x: F.mse_loss(x, T)),
    "mae": case(lambda x: F.l1_loss(x, T)),
    "huber": case(lambda x: F.huber_loss(x, T, delta=0.7)),
    "binary_logits": case(lambda x: F.binary_cross_entropy_with_logits(x, B)),
    "binary": case(lambda x: F.binary_cross_entropy(torch.sigmoid(x), B)),
    "sparse": case(lambda x: F.cross_entropy(x, N)),
    "sparse_smooth": case(lambda x: F.cross_entropy(x, N, label_smoothing=0.1)),
    "sparse_weighted": case(lambda x: (F.cross_entropy(x, N, reduction="none") * W).sum() / W.sum()),
    "categorical": case(lambda x: F.cross_entropy(x, Q)),
    "nll": case(lambda x: F.nll_loss(F.log_softmax(x, -1), N)),
    "kl": case(lambda x: F.kl_div(F.log_softmax(x, -1), Q, reduction="batchmean")),
    "cosine": case(lambda x: -F.cosine_similarity(x, T).mean()),
    "focal": case(focal),
    "ctc": case(ctc, C),
}

with open("tests/loss/reference.inc", "w") as f:
    f.write("// Written by tools/make_loss_reference.py; do not edit.\n// clang-format off\n")
    for name, t in {"kP": P, "kT": T, "kQ": Q, "kB": B, "kW": W, "kC": C}.items():
        f.write(f"const std::vector<double> {name} = {{{', '.join(map(repr, t.flatten().tolist()))}}};\n")
    f.write("// The loss, then its gradient.\n")
    f.write("const std::map<std::string, std::vector<double>> kLosses = {\n")
    for name, values in CASES.items():
        f.write(f'    {{"{name}", {{{", ".join(map(repr, values))}}}}},\n')
    f.write("};\n// clang-format on\n")

# Longer sequences, of several lengths, one too short for its labels (2 2 needs three steps).
X = 2 * torch.randn(5, 30, 6, dtype=torch.float64)
LABELS = torch.tensor([[1, 2, 3, 4, 5, 1, 2], [2, 2, 2, 2, -1, -1, -1], [5, -1, -1, -1, -1, -1, -1],
                       [-1] * 7, [2, 2, -1, -1, -1, -1, -1]])
STEPS = torch.tensor([30, 17, 1, 30, 2])
CT = torch.tensor([1.0, -0.5, 2.0, 0.25, 3.0], dtype=torch.float64)

x = X.clone().requires_grad_(True)
lengths = (LABELS >= 0).sum(1)
losses = F.ctc_loss(F.log_softmax(x, -1).transpose(0, 1), LABELS.clamp(min=0), STEPS, lengths,
                    reduction="none", zero_infinity=True)
(losses * CT).sum().backward()

with open("tests/loss/ctc_reference.inc", "w") as f:
    f.write("// Written by tools/make_loss_reference.py; do not edit.\n// clang-format off\n")
    for name, t in {"kLogits": X, "kCt": CT, "kLosses": losses, "kGradient": x.grad}.items():
        f.write(f"const std::vector<double> {name} = {{{', '.join(map(repr, t.flatten().tolist()))}}};\n")
    for name, t in {"kLabels": LABELS, "kSteps": STEPS}.items():
        f.write(f"const std::vector<std::int64_t> {name} = {{{', '.join(map(str, t.flatten().tolist()))}}};\n")
