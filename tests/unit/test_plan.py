"""Plans: windows, blocks, tiles and tasks, on grids small enough to check by hand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import shapely

from georoi.errors import CRSError
from georoi.options import Crop
from georoi.planning.plan import Plan
from tests.headers import ORIGIN, UTM, make_header
from tests.plans import BOX, plan_of


def block_places(plan: Plan) -> set[tuple[int, int]]:
    return set(zip(plan.tiled_blocks.row.tolist(), plan.tiled_blocks.col.tolist(), strict=True))


def test_only_touched_blocks_are_planned():
    """A box over two columns and three rows of blocks needs these six blocks."""
    plan = plan_of(BOX)

    assert block_places(plan) == {(row, col) for row in (0, 1, 2) for col in (1, 2)}
    assert plan.n_blocks == 6
    assert plan.n_blocks_total == 20
    assert plan.bytes_to_read == 6 * 100 * 2


def test_diagonal_roi_costs_its_blocks_not_its_bounding_box():
    """A thin diagonal over 4 x 4 blocks touches the blocks it runs through."""
    diagonal = shapely.Polygon([(0, 0), (1, 0), (40, 39), (40, 40), (39, 40), (0, 1)])

    assert block_places(plan_of(diagonal)) >= {(i, i) for i in range(4)}
    assert plan_of(diagonal).n_blocks < 16


def test_corridor_across_a_raster_of_a_million_squared():
    """A corridor through 3.8 million blocks plans the few thousand that it runs through."""
    side = 1_000_000
    header = make_header((side, side), (512, 512))
    corridor = shapely.buffer(shapely.LineString([(0, 0), (side, side)]), 300)

    plan = plan_of(corridor, header=header)

    assert plan.n_blocks_total == 1954**2
    assert 1954 * 3 - 2 <= plan.n_blocks <= 1954 * 3.1
    assert len(plan) == plan.n_reads == plan.n_blocks


def test_touching_a_block_edge_is_no_overlap():
    """A ROI that ends exactly on a block's edge does not need the next block."""
    assert block_places(plan_of(shapely.box(10, 10, 20, 20))) == {(1, 1)}


def test_blocks_at_the_raster_edge_are_smaller():
    """The last blocks are cut to the raster, and so are their bytes."""
    header = make_header((35, 42), (10, 10), dtype="float32", bands=3)

    plan = plan_of(shapely.box(41, 31, 60, 60), header=header)

    assert plan.blocks.tolist() == [[30, 35, 40, 42]]
    assert plan.bytes_to_read == 5 * 2 * 4 * 3


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ({}, (5, 25, 15, 25)),
        ({"pad": 3}, (2, 28, 12, 28)),
        ({"pad": 12}, (0, 37, 3, 37)),
        ({"crop": Crop.BLOCKS}, (0, 30, 10, 30)),
        ({"crop": Crop.BLOCKS, "pad": 6}, (0, 40, 0, 40)),
        ({"crop": Crop.NONE, "pad": 6}, (0, 40, 0, 50)),
    ],
)
def test_output_window(options, window):
    """The window holds the ROI, padded, widened to blocks, or is the whole raster."""
    plan = plan_of(BOX, **options)

    assert window == plan.window
    assert plan.n_blocks == 6


def test_fractional_bounds_take_whole_pixels():
    """Bounds within pixels widen to whole pixels."""
    assert plan_of(shapely.box(15.2, 5.9, 24.1, 24.0)).window == (5, 24, 15, 25)


def test_rois_off_the_raster_do_not_widen_the_window():
    """A ROI left of the raster has no pixel, so the window holds the other one only."""
    plan = plan_of(BOX, shapely.box(-30, 0, -20, 40))

    assert plan.window == (5, 25, 15, 25)
    assert [roi for roi, _ in plan.task(0).rois] == [0]


def test_without_a_mask_all_blocks_of_the_window_are_needed():
    """Cropping alone reads the window's blocks, and its tasks carry no ROI."""
    diagonal = shapely.Polygon([(0, 0), (1, 0), (40, 39), (40, 40), (39, 40), (0, 1)])

    plan = plan_of(diagonal, apply_mask=False)

    assert plan.n_blocks == 16
    assert all(task.rois == () for task in plan.tasks())


def test_inverting_skips_blocks_inside_a_roi():
    """Inverted, every block of the window is needed but the one that the ROI holds wholly."""
    plan = plan_of(shapely.box(8, 8, 22, 22), invert=True, crop=Crop.NONE)

    assert block_places(plan) == {(row, col) for row in range(4) for col in range(5)} - {(1, 1)}


def test_inverted_blocks_without_roi_are_planned_too():
    """Inverted on blocks as large as tiles, tiles that no ROI meets have tasks without ROIs."""
    header = make_header((1100, 1100), (600, 600))

    plan = plan_of(shapely.box(10, 10, 20, 20), header=header, invert=True, crop=Crop.NONE)

    assert [len(task.rois) for task in plan.tasks()] == [1, 0, 0, 0]


def test_feather_reaches_neighbouring_blocks():
    """With an edge 8 pixels wide, pixels up to 4 pixels off the ROI have weight, so their blocks are read."""
    roi = shapely.box(13, 13, 17, 17)

    assert block_places(plan_of(roi)) == {(1, 1)}
    assert block_places(plan_of(roi, feather=8)) == {(1, 1), (0, 1), (1, 0), (1, 2), (2, 1)}
    assert plan_of(roi, feather=8).window == (9, 21, 9, 21)


def test_feather_that_ends_on_a_block_edge_stays_there():
    """Where the soft edge ends exactly on a block's edge, no tile without a pixel is planned."""
    header = make_header((1100, 1100), (512, 512))

    plan = plan_of(shapely.box(100, 100, 500, 500), header=header, feather=24)

    assert plan.window == (88, 512, 88, 512)
    assert plan.tiles.tolist() == [[88, 512, 88, 512]]


def test_feathered_blocks_are_inner_only_at_a_distance():
    """A block inside the ROI, but within half the edge's width of its outline, is not wholly inside."""
    roi = shapely.box(8, 8, 22, 22)

    assert plan_of(roi).pairs.inner.any()
    assert plan_of(roi, feather=2).pairs.inner.any()
    assert not plan_of(roi, feather=6).pairs.inner.any()


def test_task_of_a_tile_inside_a_roi_carries_no_edges():
    """Where a tile lies wholly inside a ROI its coverage needs no edge."""
    header = make_header((1536, 1536), (512, 512))

    plan = plan_of(shapely.box(500, 500, 1100, 1100), header=header)
    by_window = {task.window: task for task in plan.tasks()}

    assert len(plan) == 9
    assert by_window[(512, 1024, 512, 1024)].rois == ((0, None),)
    assert by_window[(500, 512, 500, 512)].reads == ((500, 512, 500, 512),)
    roi, edges = by_window[(500, 512, 512, 1024)].rois[0]
    assert roi == 0
    assert edges is not None
    assert len(edges) > 0


def test_tasks_are_small_and_picklable():
    """A task survives pickling, and a tile pulls in only the edges near it of a ROI with many."""
    header = make_header((4096, 4096), (512, 512))
    plan = plan_of(shapely.Point(2048, 2048).buffer(1900, quad_segs=5000), header=header)

    task = plan.task(0)
    again = pickle.loads(pickle.dumps(task))

    assert again.window == task.window
    assert again.reads == task.reads
    assert all(np.array_equal(a, b) for a, b in zip(again.rois[0][1], task.rois[0][1], strict=True))
    assert len(pickle.dumps(task)) < 300_000


def test_plan_is_picklable_after_use():
    """A plan survives pickling, whether or not tasks were made from it."""
    plan = plan_of(BOX)
    before = plan.digest
    plan.task(0)

    assert pickle.loads(pickle.dumps(plan)).digest == before


def test_several_rois_in_a_tile_come_in_their_order():
    """A task lists the ROIs that meet its tile by number, each with its own edges."""
    plan = plan_of(shapely.box(30, 0, 40, 10), shapely.box(0, 0, 10, 10), BOX)

    (task,) = plan.tasks()

    assert [roi for roi, _ in task.rois] == [0, 1, 2]
    assert task.rois[2][1] is not None
    assert task.rois[2][1].x0.min() == 15


def test_full_width_strips():
    """On strips of one row, a ROI needs the strips of its rows."""
    header = make_header((100, 3000), (1, 3000))

    plan = plan_of(shapely.box(5, 20, 9, 23), header=header)

    assert plan.blocks.tolist() == [[20, 21, 0, 3000], [21, 22, 0, 3000], [22, 23, 0, 3000]]
    assert [task.reads for task in plan.tasks()] == [((20, 23, 5, 9),)]
    assert plan.bytes_to_read == 3 * 3000 * 2


def test_south_up_and_rotated_grids_plan_the_same_pixels():
    """Planning is in pixels, so the direction of the world's axes does not matter."""
    x, y = ORIGIN
    north = make_header((40, 50), (10, 10), crs=UTM)
    south = make_header((40, 50), (10, 10), crs=UTM, affine=(10, 0, x, 0, 10, y))
    turned = make_header((40, 50), (10, 10), crs=UTM, affine=(6, -8, x, 8, 6, y))

    for header in (north, south, turned):
        a, b, c, d, e, f = header.grid.affine[:6]
        world = shapely.transform(
            BOX, lambda p, m=(a, b, c, d, e, f): np.column_stack(
                [m[2] + m[0] * p[:, 0] + m[1] * p[:, 1], m[5] + m[3] * p[:, 0] + m[4] * p[:, 1]]
            )
        )  # fmt: skip
        inner = shapely.buffer(world, -1e-3)
        plan = plan_of(inner, header=header)

        assert plan.window == (5, 25, 15, 25)
        assert plan.n_blocks == 6


def test_a_roi_outside_is_planned_where_its_feather_reaches_the_raster():
    """Half the feather counts, and what lies just beyond it neither has a plan nor widens that of others."""
    near, beyond = shapely.box(-20, 12, -3, 18), shapely.box(-20, 30, -3.505, 39)
    plan = plan_of(near, feather=7)
    assert block_places(plan) == {(1, 0)}
    assert plan.window == (8, 22, 0, 1)
    assert plan_of(near, beyond, feather=7).window == plan.window
    for options in ({}, {"feather": 6}):
        with pytest.raises(CRSError) as caught:
            plan_of(near, **options)
        assert caught.value.id == "E-CRS-02"
    with pytest.raises(CRSError):
        plan_of(beyond, feather=7)
