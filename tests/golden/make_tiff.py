"""Small TIFFs of every layout that is read, and of some that are refused, for the tests of dataset::tiff.
Needs numpy, tifffile, imagecodecs, opencv-python. The JPEG ones come with the pixels that libjpeg-turbo decodes."""
import json
import pathlib

import cv2
import imagecodecs
import numpy as np
import tifffile

OUT = pathlib.Path(__file__).parent / "tiff"
W, H = 61, 47
y, x = np.mgrid[0:H, 0:W]
wave = 128 + 90 * np.sin(x / 7.0) * np.cos(y / 9.0)
rgb = np.stack([wave, wave / 2 + (x * 7 + y * 13) % 9, 255 - wave], -1).astype(np.uint8)
(OUT / "expected.bin").write_bytes(rgb.tobytes())
exact = {}


def put(name, **kw):
    data = kw.pop("data", rgb)
    kw.setdefault("photometric", "rgb")
    tifffile.imwrite(OUT / f"{name}.tif", data, metadata=None, software=False, **kw)


for comp in ("none", "lzw", "deflate"):
    c = None if comp == "none" else comp
    put(f"strips_{comp}", compression=c, rowsperstrip=8)
    put(f"tiles_{comp}", compression=c, tile=(16, 32))
    put(f"one_strip_{comp}", compression=c, rowsperstrip=H)
    if c:
        put(f"strips_{comp}_difference", compression=c, predictor=2, rowsperstrip=8)
        put(f"tiles_{comp}_difference", compression=c, predictor=2, tile=(16, 32))
        put(f"one_strip_{comp}_difference", compression=c, predictor=2, rowsperstrip=H)
put("big_strips_lzw", compression="lzw", rowsperstrip=8, bigtiff=True)
put("big_tiles_deflate_motorola", compression="deflate", tile=(16, 32), bigtiff=True, byteorder=">")
put("strips_none_motorola", rowsperstrip=5, byteorder=">")
cv2.imwrite(str(OUT / "opencv_default.tif"), rgb[..., ::-1])
for name, kw in {
    "jpeg_tiles_ycbcr": dict(tile=(16, 32), photometric="ycbcr", compression="jpeg", compressionargs={"level": 90, "colorspace": "rgb", "outcolorspace": "ycbcr"}, subsampling=(1, 1)),
    "jpeg_tiles_ycbcr_420": dict(tile=(16, 32), photometric="ycbcr", compression="jpeg", compressionargs={"level": 90, "colorspace": "rgb", "outcolorspace": "ycbcr"}, subsampling=(2, 2)),
    "jpeg_strips_ycbcr": dict(rowsperstrip=16, photometric="ycbcr", compression="jpeg", compressionargs={"level": 90, "colorspace": "rgb", "outcolorspace": "ycbcr"}, subsampling=(1, 1)),
    "jpeg_tiles_rgb": dict(tile=(16, 32), photometric="rgb", compression="jpeg", compressionargs={"level": 90, "outcolorspace": "rgb"}),
}.items():
    try:
        put(name, **kw)
        decoded = cv2.imread(str(OUT / f"{name}.tif"), cv2.IMREAD_COLOR)[..., ::-1]  # libtiff, libjpeg-turbo
        (OUT / f"{name}.bin").write_bytes(decoded.tobytes())
        print(name, "max difference to the source", int(np.abs(decoded.astype(int) - rgb).max()))
    except Exception as e:  # noqa: BLE001
        print(name, "not written:", e)
        (OUT / f"{name}.tif").unlink(missing_ok=True)
put("bad_G30_grey", data=rgb[..., 0], photometric="minisblack")
put("bad_G30_alpha", data=np.concatenate([rgb, rgb[..., :1]], -1), extrasamples=["unassalpha"])
put("bad_G30_planes", data=np.moveaxis(rgb, -1, 0), planarconfig="separate")
put("bad_G31_deep", data=rgb.astype(np.uint16) * 257)
put("bad_G38_turned", extratags=[(274, "H", 1, 6, True)])
put("bad_G28_zstd", compression="zstd", rowsperstrip=8)
(OUT / "about.json").write_text(json.dumps({"made_by": "make_tiff.py", "tifffile": tifffile.__version__, "imagecodecs": imagecodecs.__version__,
                                            "opencv": cv2.__version__, "numpy": np.__version__, "width": W, "height": H}) + "\n")
