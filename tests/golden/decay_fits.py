#!/usr/bin/python3
"""Golden decay fits by scipy.optimize.curve_fit (trf, the published program's models, bounds and start).

    /usr/bin/python3 tests/golden/decay_fits.py > tests/golden/data/decay_fits.json

y = C / (t + T0)^rho (1 + noise * normal), t as given, normals of RandomState(seed); tolerances are tightened to scipy's
limit, and the best of several starts counts, so that the numbers are those of the minimum. se: sqrt of the diagonal of
scipy's covariance. robust_se: HC3 by its definition, (J^T J)^-1 J^T diag(r^2 / (1 - h)^2) J (J^T J)^-1 with the leverages
h, J by hand.
"""
import json

import numpy as np
import scipy
from scipy.optimize import curve_fit

CASES = [  # name, fitted shift?, given shift, (C, rho, T0) of the data, noise, t, seed
    ("plain", False, 1.0, (2.1, 0.61, 1.0), 0.05, np.arange(1.0, 41.0), 1),
    ("scaled", False, 1.0, (7.1e-5, 0.61, 1.0), 0.10, np.arange(1.0, 61.0) / 12, 2),
    ("half", False, 0.5, (0.8, 1.7, 0.5), 0.02, np.arange(0.0, 30.0), 3),
    ("shifted", True, 0.0, (0.9, 0.8, 20.0), 0.01, np.arange(1.0, 101.0), 4),
    ("steep", True, 0.0, (0.6, 1.2, 3.0), 0.03, np.arange(1.0, 51.0), 5),
]


def fit(t, y, fitted, shift):
    # y / top keeps scipy's absolute tolerances out of play; C and its bound scale along
    top = np.abs(y).max()
    if fitted:
        model = lambda x, c, rho, t0: c / (x + t0) ** rho
        bounds = ([0, 0, 1], [1 / top, 3, 500])
        starts = [(0.5 / top, 1.5, 250.5), (0.5 / top, 1.0, 2.0), (0.5 / top, 0.8, 15.0)]
    else:
        model = lambda x, c, rho: c / (x + shift) ** rho
        bounds = ([0, 0], [3 / top, 3])
        starts = [(1.5 / top, 1.5), (1.0 / top, 0.5)]
    best = None
    for start in starts:
        p, cov = curve_fit(model, t, y / top, p0=start, bounds=bounds, method="trf", x_scale="jac",
                           ftol=3e-16, xtol=3e-16, gtol=3e-16, max_nfev=20000)
        square = float(np.sum((model(t, *p) - y / top) ** 2))
        if best is None or square < best[0]:
            best = (square, p, np.sqrt(np.diag(cov)))
    square, p, se = best
    scale = np.array([top] + [1.0] * (len(p) - 1))
    p = p * scale
    unit = (t + (p[2] if fitted else shift)) ** -p[1]
    from_zero = t + (p[2] if fitted else shift)
    jacobian = [unit, -p[0] * unit * np.log(from_zero)] + ([-p[0] * p[1] * unit / from_zero] if fitted else [])
    j = np.stack(jacobian, 1)
    size = np.linalg.norm(j, axis=0)
    inverse = np.linalg.inv((j / size).T @ (j / size)) / np.outer(size, size)
    r, h = y - p[0] * unit, np.einsum("ia,ab,ib->i", j, inverse, j)
    robust = np.sqrt(np.diag(inverse @ (j.T * (r / (1 - h)) ** 2) @ j @ inverse))
    return p, se * scale, np.sqrt(square / len(t)) * top, robust


out = {"source": "scipy %s, numpy %s, tests/golden/decay_fits.py" % (scipy.__version__, np.__version__), "fits": []}
for name, fitted, shift, (c, rho, t0), noise, t, seed in CASES:
    y = c / (t + t0) ** rho * (1 + noise * np.random.RandomState(seed).standard_normal(len(t)))
    p, se, residual, robust = fit(t, y, fitted, shift)
    out["fits"].append({"name": name, "fit_shift": fitted, "shift": shift, "t": list(t), "y": list(y),
                        "parameters": list(p), "se": list(se), "robust_se": list(robust), "residual": residual})
print(json.dumps(out, indent=1).replace(",\n    ", ", "))
