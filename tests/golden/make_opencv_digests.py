"""Many random cases of OpenCV 4.12 / albumentations 2.0.8, kept as digests. Needs numpy, albumentations==2.0.8, opencv-python-headless==4.12.0.88.

Every output is kept as the first 16 hex digits of its SHA-256; the images are made by a formula, so the file stays small."""
import hashlib
import json
import os

import albumentations as A
import cv2
import numpy as np
from albumentations.augmentations.geometric import functional as FG
from albumentations.augmentations.pixel import functional as FP

cv2.setNumThreads(1)
R = np.random.RandomState(7)


def image(h, w):
    """Murmur-mixed bytes: every value and every difference occurs."""
    i = np.arange(h * w * 3, dtype=np.uint64)
    x = (i + 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    x ^= x >> 16
    return (x & 0xFF).astype(np.uint8).reshape(h, w, 3)


def digest(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()[:16]


out = {"fixture": "opencv_digests", "opencv": cv2.__version__, "albumentations": A.__version__, "numpy": np.__version__}
warps = []
for n in range(60):
    side = int(R.choice([1, 2, 3, 17, 64, 100, 224]))
    a = image(side, side)
    shift = R.uniform(-0.1, 0.1, 2)
    scale = R.uniform(0.9, 1.1, 2)
    degrees = float(R.uniform(-30, 30))
    if n % 6 == 0:
        shift, scale, degrees = R.uniform(-1.5, 1.5, 2), R.uniform(0.2, 3, 2), float(R.uniform(-180, 180))
    px = [int(shift[0] * side), int(shift[1] * side)]
    M = FG.create_affine_transformation_matrix({"x": px[0], "y": px[1]}, {"x": 0.0, "y": 0.0}, {"x": scale[0], "y": scale[1]}, degrees, FG.center((side, side)))
    warps.append({"side": side, "shift": shift.tolist(), "scale": scale.tolist(), "degrees": degrees, "M": M[:2].tolist(),
                  "out": digest(cv2.warpAffine(a, M[:2], (side, side), flags=cv2.INTER_LINEAR))})
out["warp"] = warps
sizes = [(7, 5, 9, 3), (12, 12, 6, 6), (224, 224, 112, 112), (224, 224, 64, 64), (160, 160, 224, 224), (299, 299, 224, 224), (1, 1, 4, 5), (3, 2, 1, 1), (50, 40, 49, 41), (2, 3, 100, 90), (12, 10, 6, 7)]
out["resize"] = [{"from": [w, h], "to": [W, H], "out": digest(cv2.resize(image(h, w), (W, H), interpolation=cv2.INTER_LINEAR))} for w, h, W, H in sizes]
colour = []
for n in range(60):
    a = image(97, 89)
    op = ["brightness", "contrast", "saturation", "hue"][n % 4]
    f = float(R.uniform(-0.02, 0.02) if op == "hue" else R.uniform(0.9, 1.1))
    fn = {"brightness": FP.adjust_brightness_torchvision, "contrast": FP.adjust_contrast_torchvision, "saturation": FP.adjust_saturation_torchvision, "hue": FP.adjust_hue_torchvision}[op]
    colour.append({"op": op, "factor": f, "out": digest(fn(a, f))})
out["colour"] = colour
blurs = []
for n in range(24):
    side = int(R.choice([3, 5, 8, 31, 64]))
    k, s = int(R.choice([3, 5])), float(R.uniform(0.5, 3.0))
    t = A.GaussianBlur(blur_limit=(k, k), sigma_limit=(s, s), p=1)
    blurs.append({"side": side, "ksize": k, "sigma": s, "out": digest(t(image=image(side, side))["image"])})
out["blur"] = blurs
# Every pixel value through the hue's round trip would be 16 million; the image above has 8,633 of them. Here, a denser set.
cube = np.stack(np.meshgrid(*[np.arange(0, 256, 3, dtype=np.uint8)] * 3, indexing="ij"), -1).reshape(1, -1, 3)
out["cube"] = {"hsv": digest(cv2.cvtColor(cube, cv2.COLOR_RGB2HSV)), "back": digest(cv2.cvtColor(cv2.cvtColor(cube, cv2.COLOR_RGB2HSV), cv2.COLOR_HSV2RGB)), "grey": digest(cv2.cvtColor(cube, cv2.COLOR_RGB2GRAY))}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "opencv_digests.json"), "w", encoding="utf-8") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
