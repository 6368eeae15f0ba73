"""Writes optimisers.json: five steps of torch.optim.SGD with momentum 0.9 and of AdamW, on numbers from a formula."""
import json
import os
import torch


def fill(n, k):
    out = []
    for i in range(n):
        h = (i + 0x9E3779B9 * (k + 1)) & 0xFFFFFFFF
        h ^= h >> 16
        h = h * 0x85EBCA6B & 0xFFFFFFFF
        h ^= h >> 13
        h = h * 0xC2B2AE35 & 0xFFFFFFFF
        h ^= h >> 16
        out.append(2 * h / 2**32 - 1)
    return out


cases = []
for name in ("sgd", "adamw"):
    for decay in (0.0, 0.01):
        p = torch.tensor(fill(40, 1), dtype=torch.float32, requires_grad=True)
        rate = 0.05
        o = torch.optim.SGD([p], lr=rate, momentum=0.9, weight_decay=decay) if name == "sgd" else torch.optim.AdamW([p], lr=rate, weight_decay=decay)
        for s in range(5):
            p.grad = torch.tensor(fill(40, 10 + s), dtype=torch.float32) * (10.0 ** (s - 3))
            o.step()
        cases.append({"optimiser": name, "weight_decay": decay, "rate": rate, "parameter": p.detach().tolist()})
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimisers.json")
with open(path, "w", encoding="utf-8") as f:
    json.dump({"torch": torch.__version__, "cases": cases}, f, indent=0)
    f.write("\n")
