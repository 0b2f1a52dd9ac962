"""Times the steps of network_bench.cpp in PyTorch's eager mode.

    python3 bench/pytorch_steps.py [threads]                       medians of wall and processor time
    python3 bench/pytorch_steps.py threads PROGRAM_OF_BENCH [rounds]   and Nacre's in turns with them
"""
import json
import statistics
import subprocess
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


def cases():
    all = {"TrainTiny/8": lambda: time_step(tiny(), (8, 16), 4)}
    for batch in (32, 128):
        all[f"TrainMlp10/{batch}"] = lambda b=batch: time_step(mlp(10), (b, 784), 10)
        all[f"TrainMlp512/{batch}"] = lambda b=batch: time_step(mlp(512), (b, 784), 10)
        all[f"TrainCnn/{batch}"] = lambda b=batch: time_step(cnn(), (b, 1, 28, 28), 10)
    return all


def nacre_step(program, name, threads):
    """Microseconds of wall time."""
    out = subprocess.run([program, f"--benchmark_filter=^{name}/{threads}(/|$)", "--benchmark_format=json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out[out.index("{"):])["benchmarks"][0]["real_time"]


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    torch.set_num_threads(threads)
    if len(sys.argv) < 3:
        for name, case in cases().items():
            wall, processor = case()
            print(f"{name:16} {wall:10.1f} us wall {processor:10.1f} us processor", flush=True)
        return
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    print(f"PyTorch {torch.__version__}, threads {threads}, {rounds} rounds in turns, medians of wall time")
    for name, case in cases().items():
        if name.startswith("TrainTiny") and threads > 1:
            continue
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(nacre_step(sys.argv[2], name, threads))
            theirs.append(case()[0])
        ratios = [t / o for t, o in zip(theirs, ours)]
        print(f"{name:16} Nacre {statistics.median(ours):10.1f} us, PyTorch {statistics.median(theirs):10.1f} us, "
              f"ratio {statistics.median(ratios):5.1f} ({min(ratios):.1f} to {max(ratios):.1f})", flush=True)


if __name__ == "__main__":
    main()
