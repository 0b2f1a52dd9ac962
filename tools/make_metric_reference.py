#!/usr/bin/python3
"""Writes tests/metric/reference.inc: what metrics are by their definitions, in double.

The definitions are those of scikit-learn's documentation (accuracy_score, top_k_accuracy_score,
precision_recall_fscore_support with zero_division=0, roc_auc_score, confusion_matrix,
mean_absolute_error, mean_squared_error, r2_score), written out sample by sample and pair by pair
with nothing of Nacre's ways to compute them. Run from the repository's root with numpy.
"""
import numpy as np

random = np.random.default_rng(5)
N, CLASSES, OUTPUTS = 61, 5, 3

# Class 3 never occurs, class 4 is never predicted.
labels = random.choice([0, 1, 2, 4], N, p=[0.4, 0.3, 0.2, 0.1])
scores = random.normal(size=(N, CLASSES)).astype(np.float32)
scores[np.arange(N), labels] += 0.8
scores[:, 4] = scores.min(1) - random.uniform(0.1, 1, N).astype(np.float32)
weights = random.choice([0.0, 0.5, 1.0, 2.0], N).astype(np.float32)
# Few different scores, so that many are tied.
binary = random.integers(0, 2, N)
binary_scores = (np.round((random.uniform(size=N) + 0.4 * binary) * 5) / 8).astype(np.float32)
truth = (random.normal(size=(N, OUTPUTS)) * [1, 10, 0.1] + [1e4, -3, 0]).astype(np.float32)
values = (truth + random.normal(size=(N, OUTPUTS)) * [0.5, 4, 0.2]).astype(np.float32)

out = []


def note(name, value):
    out.append((name, [float(v) for v in np.ravel(value)]))


def confusion(actual, predicted, w, classes):
    table = np.zeros((classes, classes))
    for a, p, v in zip(actual, predicted, w):
        table[a, p] += v
    return table


def per_class(table):
    precision, recall, f1 = [], [], []
    for k in range(len(table)):
        hit, called, there = table[k, k], table[:, k].sum(), table[k].sum()
        precision.append(hit / called if called else 0)
        recall.append(hit / there if there else 0)
        both = precision[-1] + recall[-1]
        f1.append(2 * precision[-1] * recall[-1] / both if both else 0)
    return np.array(precision), np.array(recall), np.array(f1)


def auc(target, score, w):
    won = pairs = 0.0
    for t, s, v in zip(target, score, w):
        for u, r, x in zip(target, score, w):
            if t == 1 and u == 0:
                pairs += float(v) * float(x)
                won += float(v) * float(x) * (1 if s > r else 0.5 if s == r else 0)
    return won / pairs


def r2(y, p, w):
    result = []
    for k in range(y.shape[1]):
        mean = np.sum(w * y[:, k]) / np.sum(w)
        rest = np.sum(w * (y[:, k] - p[:, k]) ** 2)
        result.append(1 - rest / np.sum(w * (y[:, k] - mean) ** 2))
    return np.mean(result)


for suffix, w in (("", np.ones(N)), (" weighted", weights.astype(np.float64))):
    predicted = [int(np.argmax(row)) for row in scores]
    table = confusion(labels, predicted, w, CLASSES)
    note("accuracy" + suffix, sum(w[labels == predicted]) / sum(w))
    for k in (1, 2, 3):
        ranked = [list(np.argsort(-row, kind="stable")).index(l) for row, l in zip(scores, labels)]
        note(f"top_{k}" + suffix, sum(w[np.array(ranked) < k]) / sum(w))
    note("confusion" + suffix, table)
    there, called = table.sum(1), table.sum(0)
    exists = (there > 0) | (called > 0)
    for name, each in zip(("precision", "recall", "f1"), per_class(table)):
        note(name + " classes" + suffix, each)
        note(name + " macro" + suffix, each[exists].mean())
        note(name + " by support" + suffix, (each * there).sum() / there.sum())
        # Over all decisions every miss is one wrong call and one class not found.
        note(name + " micro" + suffix, np.trace(table) / table.sum())
    two = confusion(binary, (binary_scores > 0.5).astype(int), w, 2)
    for name, each in zip(("precision", "recall", "f1"), per_class(two)):
        note(name + " binary" + suffix, each[1])
    note("auc" + suffix, auc(binary, binary_scores, w))
    y, p = truth.astype(np.float64), values.astype(np.float64)
    share = w[:, None] / (sum(w) * OUTPUTS)
    note("mae" + suffix, np.sum(share * np.abs(y - p)))
    note("mse" + suffix, np.sum(share * (y - p) ** 2))
    note("rmse" + suffix, np.sqrt(np.sum(share * (y - p) ** 2)))
    note("r2" + suffix, r2(y, p, w))
    x = scores.astype(np.float64)
    surprise = np.log(np.exp(x).sum(1)) - x[np.arange(N), labels]
    note("perplexity" + suffix, np.exp(np.sum(w * surprise) / np.sum(w)))


def array(kind, name, values):
    texts = [str(int(v)) if kind == "std::int64_t" else repr(float(v)) for v in np.ravel(values)]
    return f"const std::vector<{kind}> {name} = {{{', '.join(texts)}}};\n"


with open("tests/metric/reference.inc", "w") as f:
    f.write("// Made by tools/make_metric_reference.py.\n")
    f.write(array("std::int64_t", "kLabels", labels))
    f.write(array("double", "kScores", scores))
    f.write(array("double", "kWeights", weights))
    f.write(array("std::int64_t", "kBinary", binary))
    f.write(array("double", "kBinaryScores", binary_scores))
    f.write(array("double", "kTruth", truth))
    f.write(array("double", "kValues", values))
    f.write("const std::map<std::string, std::vector<double>> kExpected = {\n")
    for name, numbers in out:
        f.write(f'    {{"{name}", {{{", ".join(repr(n) for n in numbers)}}}}},\n')
    f.write("};\n")
