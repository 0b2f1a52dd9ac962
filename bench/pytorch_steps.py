"""Times the steps of network_bench.cpp in PyTorch's eager mode: medians of wall and processor time.

    python3 bench/pytorch_steps.py [threads] [name ...]
"""
import statistics
import sys
import time

import torch
from torch import nn


def tiny():
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))


def mlp(hidden):
    return nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def cnn():
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3),
                         nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10))


def time_step(network, shape, classes):
    x = torch.rand(shape)
    y = torch.arange(shape[0]) % classes
    adam = torch.optim.Adam(network.parameters(), foreach=True)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(network(x), y)
        loss.backward()
        adam.step()

    for _ in range(10):
        step()
    times = []
    processor = []
    end = time.perf_counter() + 0.7
    while time.perf_counter() < end or len(times) < 20:
        before = time.perf_counter()
        used = time.process_time()
        step()
        processor.append(time.process_time() - used)
        times.append(time.perf_counter() - before)
    return statistics.median(times) * 1e6, statistics.median(processor) * 1e6


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    cases = {"tiny/8": lambda: time_step(tiny(), (8, 16), 4)}
    for batch in (32, 128):
        cases[f"mlp10/{batch}"] = lambda b=batch: time_step(mlp(10), (b, 784), 10)
        cases[f"mlp512/{batch}"] = lambda b=batch: time_step(mlp(512), (b, 784), 10)
        cases[f"cnn/{batch}"] = lambda b=batch: time_step(cnn(), (b, 1, 28, 28), 10)
    wanted = sys.argv[2:] or list(cases)
    for name in wanted:
        wall, processor = cases[name]()
        print(f"{name:12} {wall:10.1f} us wall {processor:10.1f} us processor", flush=True)


if __name__ == "__main__":
    main()
