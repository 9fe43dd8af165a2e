"""Statistics on worker processes: usage workers.py NUMBER SCENE ROIS OUT; the last line says the seconds of the run.

The cluster is started, and each worker has imported and loaded its kernels, before the clock starts: what is timed is a
whole run of zonal_stats, from ROIs in a file to the table in memory.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import dask
from distributed import Client, LocalCluster

import georoi


def main() -> None:
    number, scene, rois, out = int(sys.argv[1]), *sys.argv[2:]
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set({"distributed.worker.memory.terminate": False})
    with (
        LocalCluster(n_workers=number, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        warm(client, scene, rois)
        start = time.perf_counter()
        table = georoi.zonal_stats(scene, rois, bands=1, scheduler=client)
        seconds = time.perf_counter() - start
    table.to_parquet(out)
    print(json.dumps({"seconds": seconds, "rows": len(table)}))


def warm(client: Client, scene: str, rois: str) -> None:
    """Load modules and kernels in this process and in each worker."""
    some = georoi.read_rois(rois)[:40]
    georoi.zonal_stats(scene, some, bands=1, workers=1)
    client.run(_load, scene, some)


def _load(scene: str, rois: georoi.ROISet) -> None:
    georoi.zonal_stats(scene, rois, bands=1, workers=1)


if __name__ == "__main__":
    main()
