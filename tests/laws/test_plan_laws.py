"""Laws of planning, against brute force with shapely over every block of small rasters."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from georoi.options import Boundary, Crop
from georoi.planning.overlap_check import overlapping
from georoi.planning.plan import Plan, make_plan
from tests.headers import lay, make_header

EMPTY = 1e-12
"""Area below which shapely's rounding alone may decide."""


@st.composite
def headers(draw):
    """Headers of small rasters with square, oblong, strip-like and odd blocks, some larger than a tile."""
    shape = draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    scale = draw(st.sampled_from([1, 1, 1, 30]))
    blocks = draw(st.tuples(st.integers(1, 25), st.integers(1, 25)))
    if draw(st.booleans()):
        blocks = (blocks[0], shape[1])
    return make_header((shape[0] * scale, shape[1] * scale), (blocks[0] * scale, blocks[1] * scale), bands=2)


@st.composite
def shapes(draw, header):
    """Polygons on and off the raster, on pixel edges or not: boxes, triangles, rings, two parts."""
    rows, cols = header.shape
    grain = draw(st.sampled_from([1.0, 0.5, 0.125]))
    x = st.integers(-5, 65).map(lambda value: value * cols / 60 // grain * grain)
    y = st.integers(-5, 65).map(lambda value: value * rows / 60 // grain * grain)
    kind = draw(st.sampled_from(["box", "triangle", "ring", "two"]))
    (x0, x1), (y0, y1) = sorted([draw(x), draw(x)]), sorted([draw(y), draw(y)])
    box = shapely.box(x0, y0, x1 + grain, y1 + grain)
    if kind == "triangle":
        box = shapely.Polygon([(x0, y0), (x1 + grain, draw(y)), (draw(x), y1 + grain)])
    elif kind == "ring":
        box = shapely.difference(box, shapely.affinity.scale(box, 0.5, 0.7))
    elif kind == "two":
        box = shapely.union(box, shapely.box(x1 + 3, y0, x1 + 3 + grain, y1 + grain))
    assume(box.is_valid and box.area > 1e-3)
    return box


@st.composite
def cases(draw, **more):
    """A header, geometries and options of a plan; at least one ROI overlaps the raster."""
    header = draw(headers())
    geometries = draw(st.lists(shapes(header), min_size=1, max_size=4))
    raster = shapely.box(0, 0, header.shape[1], header.shape[0])
    assume(max(shapely.area(shapely.intersection(geometries, raster))) > 1e-3)
    options = {
        "crop": draw(st.sampled_from(Crop)),
        "pad": draw(st.integers(0, 12)),
        **{name: draw(strategy) for name, strategy in more.items()},
    }
    return header, geometries, options


def make(header, geometries, **options) -> Plan:
    return make_plan(header, lay(header, geometries), boundary=Boundary.CENTER, **options)


def all_blocks(header) -> np.ndarray:
    (rows, cols), (height, width) = header.shape, header.block_shape
    return np.array(
        [
            (row, min(row + height, rows), col, min(col + width, cols))
            for row in range(0, rows, height)
            for col in range(0, cols, width)
        ]
    )


def boxes(windows) -> np.ndarray:
    row0, row1, col0, col1 = np.asarray(windows).reshape(-1, 4).T
    return shapely.box(col0, row0, col1, row1)


def cut(windows, limits) -> set[tuple[int, int, int, int]]:
    """Cut windows to limits, leaving empty ones away."""
    found = {
        (max(a, limits[0]), min(b, limits[1]), max(c, limits[2]), min(d, limits[3]))
        for a, b, c, d in np.asarray(windows).tolist()
    }
    return {window for window in found if window[0] < window[1] and window[2] < window[3]}


def count_reads(plan: Plan) -> np.ndarray:
    """Count how often each pixel of the raster is read."""
    counts = np.zeros(plan.lattice.grid_shape, np.int64)
    for task in plan.tasks():
        row0, row1, col0, col1 = task.window
        for a, b, c, d in task.reads:
            assert row0 <= a < b <= row1
            assert col0 <= c < d <= col1
            counts[a:b, c:d] += 1
    return counts


@given(cases())
def test_touched_blocks_are_those_that_a_roi_overlaps(case):
    """The plan's blocks are exactly those whose overlap with a ROI has an area."""
    header, geometries, options = case
    blocks = all_blocks(header)
    area = shapely.area(shapely.intersection(boxes(blocks)[:, None], np.array(geometries)[None, :]))
    touched = blocks[area.max(axis=1) > EMPTY]

    plan = make(header, geometries, **options)

    assert sorted(map(tuple, touched.tolist())) == sorted(map(tuple, plan.blocks.tolist()))


@given(cases(apply_mask=st.booleans(), invert=st.booleans(), feather=st.sampled_from([0, 0, 3.5])))
def test_every_needed_pixel_is_read_once(case):
    """Over all tiles, reads cover each planned block once within the output window, and nothing else."""
    header, geometries, options = case
    assume(options["apply_mask"] or not (options["invert"] or options["feather"]))
    plan = make(header, geometries, **options)
    wanted = np.zeros(header.shape, np.int64)
    row0, row1, col0, col1 = plan.window
    for a, b, c, d in plan.blocks.tolist():
        wanted[max(a, row0) : min(b, row1), max(c, col0) : min(d, col1)] += 1

    assert wanted.max(initial=0) <= 1
    assert np.array_equal(wanted, count_reads(plan))


@given(cases(feather=st.sampled_from([0, 0, 4])))
def test_tiles_are_disjoint_and_within_the_window(case):
    """Tiles do not overlap, lie in the output window, come row-major, and none is without work."""
    header, geometries, options = case
    plan = make(header, geometries, **options)
    seen = np.zeros(header.shape, np.int64)
    row0, row1, col0, col1 = plan.window

    for a, b, c, d in plan.tiles.tolist():
        assert row0 <= a < b <= row1
        assert col0 <= c < d <= col1
        seen[a:b, c:d] += 1

    assert seen.max() == 1
    assert plan.tiles.tolist() == sorted(plan.tiles.tolist(), key=lambda tile: (tile[0], tile[2]))
    assert all(task.reads and task.rois for task in plan.tasks())


@given(cases())
def test_inner_tiles_lie_within_the_roi(case):
    """A task leaves the edges out only where the ROI holds the whole tile, and lists every ROI it meets."""
    header, geometries, options = case
    plan = make(header, geometries, **options)

    for task in plan.tasks():
        tile = boxes(task.window)[0]
        area = shapely.area(shapely.intersection(tile, geometries))
        found = dict(task.rois)
        assert {i for i in range(len(geometries)) if area[i] > EMPTY} <= set(found)
        for roi, edges in found.items():
            if edges is None:
                assert area[roi] == tile.area or abs(area[roi] - tile.area) < 1e-9 * tile.area


@given(cases())
def test_window_is_the_smallest_that_holds_the_rois(case):
    """Cropped without padding, the window is the bounds of what lies on the raster, in whole pixels."""
    header, geometries, _ = case
    raster = shapely.box(0, 0, header.shape[1], header.shape[0])
    inside = shapely.intersection(geometries, raster)
    boxed = shapely.intersection(shapely.envelope(geometries), raster)[shapely.area(inside) > EMPTY]
    x_min, y_min, x_max, y_max = shapely.total_bounds(boxed)

    plan = make(header, geometries, crop=Crop.WINDOW)

    assert plan.window == (np.floor(y_min), np.ceil(y_max), np.floor(x_min), np.ceil(x_max))


@given(cases(), st.randoms())
def test_order_of_rois_does_not_matter_to_blocks(case, random):
    """Another order of the ROIs plans the same blocks, tiles, window and reads."""
    header, geometries, options = case
    shuffled = list(geometries)
    random.shuffle(shuffled)

    one, two = make(header, geometries, **options), make(header, shuffled, **options)

    assert one.window == two.window
    assert np.array_equal(one.blocks, two.blocks)
    assert np.array_equal(one.tiles, two.tiles)
    assert np.array_equal(one.reads.windows, two.reads.windows)


@given(cases())
def test_equal_input_has_an_equal_digest(case):
    """Planning twice gives one digest."""
    header, geometries, options = case

    assert make(header, geometries, **options).digest == make(header, geometries, **options).digest


@given(cases())
def test_inverted_blocks_are_the_window_less_what_one_roi_holds(case):
    """Inverted, the window's blocks are needed but those wholly inside a ROI."""
    header, geometries, options = case
    blocks = all_blocks(header)
    area = shapely.area(shapely.intersection(boxes(blocks)[:, None], np.array(geometries)[None, :]))
    whole = shapely.area(boxes(blocks))
    left = blocks[area.max(axis=1) < whole * (1 - 1e-12)]

    plan = make(header, geometries, invert=True, **options)

    assert cut(left, plan.window) == cut(plan.blocks, plan.window)


@given(cases(feather=st.sampled_from([0.5, 3, 8])))
def test_feathered_plan_holds_every_pixel_of_weight(case):
    """Every pixel whose weight is above zero is read, and weight is 1 throughout where edges are left out."""
    header, geometries, options = case
    rows, cols = header.shape
    assume(rows * cols <= 3600)
    feather = options["feather"]
    plan = make(header, geometries, **options)
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    centres = shapely.points(x, y)

    read = count_reads(plan)
    for i, geometry in enumerate(geometries):
        if not overlapping(plan.rois)[i]:
            continue
        distance = shapely.distance(geometry.boundary, centres)
        depth = np.where(shapely.contains_xy(geometry, x, y), distance, -distance)
        if shapely.area(shapely.intersection(geometry, shapely.box(0, 0, cols, rows))) > EMPTY:
            assert read[depth > -feather / 2 + 1e-9].all()
        for task in plan.tasks():
            if dict(task.rois).get(i, ()) is None:
                a, b, c, d = task.window
                assert (depth[a:b, c:d] >= feather / 2 - 1e-9).all()
