"""Writes scaler.json: torch.amp.GradScaler on the CPU (PyTorch 2.11) with gradients that overflow now and then."""
import json
import os
import torch

p = torch.nn.Parameter(torch.linspace(-1, 1, 12))
adam = torch.optim.Adam([p], lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** 10, growth_interval=4)
# f32 overflows at 3.4e38: with a scale of 1024 a gradient of 1e36 is lost, and of 1e30 is not.
factors = [1.0, 0.5, 1e36, 2.0, 1.0, 1.0, 1.0, 1e30, 1e36, 1e36, 1.0, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e35, 1.0]
scales, values = [], []
for i, f in enumerate(factors):
    adam.zero_grad()
    loss = ((p * p).sum() + (p * torch.arange(12) / (i + 1)).sum()) * f
    scaler.scale(loss).backward()
    scaler.step(adam)
    scaler.update()
    scales.append(scaler.get_scale())
    values.append([float(v) for v in p.detach()])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scaler.json")
with open(path, "w", encoding="utf-8") as out:
    json.dump({"torch": torch.__version__, "factors": factors, "scales": scales, "values": values}, out, indent=1)
    out.write("\n")
