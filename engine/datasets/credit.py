"""The lecture's credit data: 150 rows of four numbers, three classes, and no header that says what they are.

Course data that nnplay does not carry: they are downloaded once, their digest checked, and kept in the cache.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from engine import locations
from engine.datasets import Dataset
from engine.errors import RequestError
from engine.spec import Spec

URL = "https://github.com/agarwalankush/ECON5130/raw/main/lecture2/CreditData.data"
SHA256 = "fc5be27a6ff171c5e86bd81d302e406ff93de411379f2d1cd63158d841bcc2f3"
NAME = "CreditData.csv"
PATIENCE = 20  # seconds without an answer after which a download is given up


def load(spec: Spec) -> Dataset:
    """Raises RequestError if the table is neither at hand nor to be had."""
    path = _own_copy() or _downloaded()
    try:
        table = np.genfromtxt(path, delimiter=",", encoding="utf-8-sig", ndmin=2)
    except (OSError, ValueError) as error:
        raise _not_it(path, str(error).splitlines()[0] if str(error) else "") from None
    good = table.ndim == 2 and table.shape[1] == 5 and len(table) and np.isfinite(table).all()
    if not good or not np.isin(table[:, 0], (0, 1, 2)).all():
        raise _not_it(path, f"it has the shape {table.shape}")
    features = np.ascontiguousarray(table[:, 1:])
    names = [f"x{column}" for column in range(1, 5)]
    ends = zip(names, features.min(axis=0), features.max(axis=0), strict=True)
    return Dataset(
        features=features,
        targets=table[:, 0].astype(np.int64),
        feature_names=names,
        class_names=["0", "1", "2"],
        notes=[
            "no header: what the columns x1 to x4 and the classes 0, 1 and 2 mean is not known",
            ", ".join(f"{name} from {_short(low)} to {_short(high)}" for name, low, high in ends),
        ],
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _own_copy() -> Path | None:
    """The copy that NNPLAY_DATA names: the file itself, or a folder that holds it."""
    named = os.environ.get("NNPLAY_DATA")
    if not named:
        return None
    path = Path(named).expanduser()
    if path.is_dir():
        path = path / NAME
    if not path.is_file():
        raise RequestError(f"NNPLAY_DATA={named}: expected {NAME}, or a folder that holds it; there is none")
    return path


def _downloaded() -> Path:
    import logging

    import pooch

    pooch.get_logger().setLevel(logging.ERROR)
    url = os.environ.get("NNPLAY_CREDIT_URL", URL)
    folder = locations.cache_dir()
    try:
        return Path(
            pooch.retrieve(
                url,
                known_hash=f"sha256:{SHA256}",
                fname=NAME,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=PATIENCE),
            )
        )
    except (OSError, ValueError) as error:
        raise RequestError(
            f"the credit data could not be downloaded: {_reason(error, urlsplit(url).netloc)}; "
            f"set NNPLAY_DATA to the path of a copy of {NAME}"
        ) from None


def _reason(error: Exception, host: str) -> str:
    """Why a download failed, in a few words."""
    import requests

    match error:
        case ValueError():
            return f"what {host} sent is something else (its digest differs)"
        case requests.HTTPError(response=response) if response is not None:
            return f"{host} answers {response.status_code} {response.reason}"
        case requests.Timeout():
            return f"{host} did not answer within {PATIENCE} s"
        case requests.RequestException():
            return f"{host} cannot be reached"
    return str(error)


def _not_it(path: Path, why: str) -> RequestError:
    return RequestError(
        f"{path}: expected the credit data, rows of a class 0, 1 or 2 and four numbers, no header: {why}"
    )


SCRIPT = f"""
# {URL}
table = np.genfromtxt("{NAME}", delimiter=",", encoding="utf-8-sig")
features, targets = table[:, 1:], table[:, 0].astype(np.int64)
"""
