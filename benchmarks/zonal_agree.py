"""Compares two tables of statistics, ROI by ROI, date by date, band by band."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEY = ["id", "date", "band"]
NAMES = {"stdev": "std"}
EXACT = ("min", "max")


def tidy(path: Path) -> pd.DataFrame:
    """Read a table of georoi's or a peer's, with one row per ROI, date and band, and a column per statistic."""
    table = pd.read_parquet(path)
    if "stat" in table:
        table = table.assign(id=table["roi_id"].astype("int64"), date=table["date"].astype(str).str[:10])
        table["band"] = table["band"].astype(str)
        return table.pivot(index=KEY, columns="stat", values="value")
    table = table.assign(id=table["id"].astype("int64"), date=table.get("date", ""))
    banded = [column for column in table if column.startswith("band_")]
    if not banded:
        return table.assign(band="1").rename(columns=NAMES).set_index(KEY)
    parts = []
    for band in sorted({column.split("_")[1] for column in banded}):
        own = {column: column.split("_", 2)[2] for column in banded if column.split("_")[1] == band}
        parts.append(table[["id", "date", *own]].rename(columns=own).assign(band=band))
    return pd.concat(parts).rename(columns=NAMES).set_index(KEY)


def differences(first: Path, second: Path) -> dict[str, float]:
    """Give by statistic the greatest relative difference, and the number of rows that one table alone has.

    Least and greatest values count as different where they differ at all; a null beside a number counts as 1.
    """
    ours, theirs = tidy(first), tidy(second)
    common = ours.index.intersection(theirs.index)
    found: dict[str, float] = {"missing rows": len(ours.index.symmetric_difference(theirs.index))}
    for name in ("count", "mean", "std", "min", "max"):
        if name not in ours or name not in theirs:
            continue
        a = ours.loc[common, name].to_numpy(float)
        b = theirs.loc[common, name].to_numpy(float)
        if name in EXACT:
            # a pixel that a ROI covers by less than the seventh digit may be in one table only
            found[name] = float(np.count_nonzero(~((a == b) | (np.isnan(a) & np.isnan(b)))))
            continue
        off = np.abs(a - b) / np.maximum(np.abs(a), 1e-9)
        off[np.isnan(a) & np.isnan(b)] = 0
        off[np.isnan(a) != np.isnan(b)] = 0 if name == "count" else 1
        found[name] = float(off.max(initial=0))
    return found


def agree(found: dict[str, float], rows: int) -> bool:
    """Are count, mean and std the same to six digits, and least and greatest values but for one row in 10,000?"""
    same = all(found.get(name, 0) <= 1e-6 for name in ("count", "mean")) and found.get("std", 0) <= 1e-5
    return same and found["missing rows"] == 0 and all(found.get(name, 0) <= rows / 1e4 for name in EXACT)
