"""Prints tests/nn/golden/transformer.txt: what PyTorch's attention and transformer
layers give for weights and inputs that a formula makes. Needs torch."""

import torch
from torch import nn

torch.set_default_dtype(torch.float64)


def fill(shape, phase, scale=0.5):
    n = 1
    for s in shape:
        n *= s
    return (torch.sin(0.7 * torch.arange(n) + phase) * scale).reshape(shape)


def fill_weights(module):
    for i, (name, p) in enumerate(sorted(module.named_parameters())):
        with torch.no_grad():
            p.copy_(fill(p.shape, i + 1.0) + (1.0 if "norm" in name and "weight" in name else 0.0))


def show(label, t):
    flat = t.detach().flatten()
    numbers = list(flat[:3]) + [flat.sum(), (flat * torch.cos(torch.arange(flat.numel()) * 1.0)).sum()]
    print(label, "{" + ", ".join("%.12g" % v for v in numbers) + "}")


def report(label, module, inputs, **kwargs):
    fill_weights(module)
    module.eval()
    inputs = [t.requires_grad_() for t in inputs]
    out = module(*inputs, **kwargs)
    out = out[0] if isinstance(out, tuple) else out
    (out * fill(out.shape, 9.0, 1.0)).sum().backward()
    show(label + " y", out)
    for i, t in enumerate(inputs[:2]):
        if t.grad is not None:
            show(f"{label} dx{i}", t.grad)
    for name, p in sorted(module.named_parameters()):
        show(f"{label} {name}", p.grad)


x = fill((2, 5, 8), 0.3, 1.0)
memory = fill((2, 4, 8), 0.8, 1.0)
causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)

x1 = x.clone().requires_grad_()
mha = nn.MultiheadAttention(8, 2, batch_first=True)
fill_weights(mha)
out = mha(x1, x1, x1, attn_mask=causal, need_weights=False)[0]
(out * fill(out.shape, 9.0, 1.0)).sum().backward()
show("self y", out)
show("self dx", x1.grad)
for name, p in sorted(mha.named_parameters()):
    show("self " + name, p.grad)

x2, m2 = x.clone().requires_grad_(), memory.clone().requires_grad_()
mha = nn.MultiheadAttention(8, 2, batch_first=True)
fill_weights(mha)
padding = torch.tensor([[False, False, False, True], [False, True, True, True]])
out = mha(x2, m2, m2, key_padding_mask=padding, need_weights=False)[0]
(out * fill(out.shape, 9.0, 1.0)).sum().backward()
show("cross y", out)
show("cross dx", x2.grad)
show("cross dm", m2.grad)
for name, p in sorted(mha.named_parameters()):
    show("cross " + name, p.grad)

for first in (False, True):
    tag = "pre" if first else "post"
    report(f"encoder {tag}", nn.TransformerEncoderLayer(8, 2, 12, 0.0, "gelu", batch_first=True, norm_first=first),
           [x.clone()])
report("decoder", nn.TransformerDecoderLayer(8, 2, 12, 0.0, "relu", batch_first=True, norm_first=True),
       [x.clone(), memory.clone()], tgt_mask=causal)
