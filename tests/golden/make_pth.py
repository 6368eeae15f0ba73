"""Writes pth/*.pth with PyTorch 2.11: today's archive and the older row of pickles, and what they hold."""
import hashlib
import json
import os
from collections import OrderedDict
import torch

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pth")
os.makedirs(out, exist_ok=True)
base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8 - 1
state = OrderedDict(
    [
        ("features.0.weight", torch.nn.Parameter(base.clone())),
        ("turned", base.t()),
        ("part", base[1:3, ::2]),
        ("same", base),
        ("half", torch.tensor([1.0, -2.5, 65504.0, 6e-8, float("inf")], dtype=torch.float16)),
        ("brain", torch.tensor([1.0, -3.140625, 1e30], dtype=torch.bfloat16)),
        ("double", torch.tensor([0.1, 1e300], dtype=torch.float64)),
        ("num_batches_tracked", torch.tensor(7)),
        ("mask", torch.tensor([True, False, True])),
        ("nothing", torch.zeros(0, 3)),
    ]
)
state._metadata = OrderedDict([("", {"version": 1})])
torch.save(state, os.path.join(out, "archive.pth"))
torch.save(state, os.path.join(out, "older.pth"), _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "state_dict": {"model.resnet." + k: v for k, v in list(state.items())[:2]}, "lr": 0.1}, os.path.join(out, "nested.ckpt"))
layer = "features.denseblock1.denselayer1."
old = OrderedDict((layer + k, base[i, :2].clone()) for i, k in enumerate(["norm.1.weight", "norm.2.running_var", "conv.1.weight"]))
torch.save(OrderedDict(list(old.items()) + [("features.transition1.norm.weight", base[3, :2].clone())]), os.path.join(out, "densenet.pth"))
digest = hashlib.sha256(open(os.path.join(out, "archive.pth"), "rb").read()).hexdigest()


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/pinfold-was-here",)


torch.save({"weight": base, "evil": Evil()}, os.path.join(out, "evil.pth"))
due = {k: {"shape": list(v.shape), "values": ["inf" if x == float("inf") else float(x) for x in v.detach().double().flatten()]} for k, v in state.items()}
with open(os.path.join(out, "expected.json"), "w", encoding="utf-8") as f:
    json.dump({"torch": torch.__version__, "sha256": digest, "tensors": due}, f, indent=0)
    f.write("\n")
