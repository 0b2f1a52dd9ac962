"""Times the steps of sequence_bench.cpp in PyTorch, eager, with fused AdamW.

    python3 bench/pytorch_sequences.py [threads]                            medians
    python3 bench/pytorch_sequences.py threads PROGRAM_OF_BENCH [rounds]    and Nacre's in turns
"""
import json
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

V = 65


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(a.transpose(1, 2).reshape(b, t, w))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, blocks, heads, width, length):
        super().__init__()
        self.tokens, self.places = nn.Embedding(V, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(blocks)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, V)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.tokens(x) + self.places.weight[: x.shape[1]])))


class Lstm(nn.Module):
    def __init__(self, layers, width):
        super().__init__()
        self.tokens = nn.Embedding(V, 64)
        self.lstm = nn.LSTM(64, width, layers, batch_first=True)
        self.head = nn.Linear(width, V)

    def forward(self, x):
        return self.head(self.lstm(self.tokens(x))[0])


def time_step(net, batch, length, steps=12):
    optimizer = torch.optim.AdamW(net.parameters(), fused=True)
    x, y = torch.randint(0, V, (batch, length)), torch.randint(0, V, (batch, length))
    times = []
    for _ in range(steps + 2):
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(x).flatten(0, 1), y.flatten()).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[2:]) * 1e3


CASES = {
    "GptStep/4/4/128/64/12": lambda: time_step(Gpt(4, 4, 128, 64), 12, 64),
    "LstmStep/2/0/256/64/32": lambda: time_step(Lstm(2, 256), 32, 64),
}


def nacre(program, name, threads):
    out = subprocess.run([program, f"--benchmark_filter=^{name}/{threads}/real_time$", "--benchmark_format=json"],
                         capture_output=True, check=True, text=True).stdout
    return json.loads(out)["benchmarks"][0]["real_time"]


threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
program = sys.argv[2] if len(sys.argv) > 2 else None
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
torch.set_num_threads(threads)
torch.manual_seed(0)
print(f"PyTorch {torch.__version__}, {threads} threads; ms a step")
for name, case in CASES.items():
    if program is None:
        print(f"{name:28} {case():8.1f}")
        continue
    pairs = [(nacre(program, name, threads), case()) for _ in range(rounds)]
    own, peer = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    ratios = sorted(p[1] / p[0] for p in pairs)
    print(f"{name:28} Nacre {own:8.1f}  PyTorch {peer:8.1f}  ratio {statistics.median(ratios):.2f} "
          f"({ratios[0]:.2f}-{ratios[-1]:.2f})")
