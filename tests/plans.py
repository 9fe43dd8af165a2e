"""Plans of ROIs given in pixels, on a raster of 40 x 50 pixels in blocks of 10 x 10."""

from __future__ import annotations

import shapely

from georoi.options import Boundary
from georoi.planning.plan import Plan, make_plan
from tests.headers import lay, make_header

# Blocks of 10 x 10 on 40 rows x 50 columns:
#
#        0    10   20   30   40   50
#      0 +----+----+----+----+----+
#        |    |  ####    |    |    |   BOX: columns 15..25, rows 5..25
#     10 +----+--####----+----+----+
#        |    |  ####    |    |    |
#     20 +----+--####----+----+----+
#        |    |    |    |    |    |
#     30 +----+----+----+----+----+
BOX = shapely.box(15, 5, 25, 25)
HEADER = make_header((40, 50), (10, 10))


def plan_of(*geometries: shapely.Geometry, header=HEADER, **options: object) -> Plan:
    """Plan a clip of geometries, by the centre rule unless told otherwise."""
    options.setdefault("boundary", Boundary.CENTER)
    return make_plan(header, lay(header, list(geometries)), **options)
