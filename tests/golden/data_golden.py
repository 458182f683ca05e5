#!/usr/bin/python3
# Goldens of the data room, from Debian 12's python3-pil 9.4.0, python3-torch 1.13.1 and python3-numpy 1.24.2:
#   /usr/bin/python3 tests/golden/data_golden.py tests/data/data
# resize.npz      images and what Image.resize(size, Image.BILINEAR) makes of them
# augment.npz     training images, and the same after RandomHorizontalFlip(.5) and RandomCrop(size, padding=2) in
#                 torchvision's draws (torchvision 0.14 transforms.py: torch.rand(1) < p; torch.randint(0, h - th + 1,
#                 size=(1,)), then the column), image after image, torch.manual_seed(7)
# split.npz       torch.utils.data.random_split of 23 items, seed 5, first into .7/.3, then the first part into .5/.3/.2
import sys

import numpy as np
import torch
from PIL import Image

folder = sys.argv[1]
rng = np.random.default_rng(1)

resize = {}
for k, (rows, cols, to_rows, to_cols) in enumerate(
    [(7, 5, 13, 11), (13, 11, 7, 5), (32, 32, 8, 8), (6, 9, 6, 4), (6, 9, 17, 9), (40, 3, 1, 30), (1, 1, 3, 3)]
):
    image = rng.integers(0, 256, (rows, cols, 3), dtype=np.uint8)
    if k == 2:
        image[:] = np.where(image > 127, 255, 0)
    made = Image.fromarray(image).resize((to_cols, to_rows), Image.BILINEAR)
    resize[f"from{k}"] = image
    resize[f"to{k}"] = np.asarray(made)
np.savez_compressed(folder + "/resize.npz", **resize)

torch.manual_seed(7)
padding, images = 2, rng.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8)
made = []
for image in images:
    if torch.rand(1) < 0.5:
        image = image[:, ::-1]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    row = torch.randint(0, 2 * padding + 1, size=(1,)).item()
    col = torch.randint(0, 2 * padding + 1, size=(1,)).item()
    made.append(padded[row : row + 6, col : col + 5])
np.savez_compressed(folder + "/augment.npz", images=images, made=np.stack(made))

torch.manual_seed(5)
first = torch.utils.data.random_split(range(23), [0.7, 0.3])[0]
parts = torch.utils.data.random_split(first, [0.5, 0.3, 0.2])
names = ["train", "validation", "test"]
np.savez_compressed(folder + "/split.npz", **{n: np.array(list(p), dtype=np.int32) for n, p in zip(names, parts)})
