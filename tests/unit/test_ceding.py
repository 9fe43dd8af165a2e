"""What overlapping ROIs keep: ranks, cut outlines, parts and their shares."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from shapely.geometry import box

from georoi.errors import UsageError
from georoi.grid import make_grid
from georoi.kernels.sharing import join_spans
from georoi.kernels.spans import Spans
from georoi.planning.alignment import align
from georoi.planning.ceding import Division, cede, parse_policy, rank, split
from georoi.planning.overlap import leave_slivers, overlaps
from georoi.planning.pixelareas import make_pixel_areas
from georoi.planning.shapes import to_polygons
from georoi.values.gridrois import GridROIs
from georoi.values.rois import ROISet

GRID = make_grid((100, 100), Affine.identity())
AREAS = make_pixel_areas(GRID, True)


def on_grid(*geometry: shapely.Geometry) -> GridROIs:
    """ROIs given in pixel coordinates."""
    return align(ROISet.from_geometries(list(geometry), pixel=True), GRID, pixel_grid=True)


def give(rois: GridROIs, order: list[int]) -> Division:
    """Let ROIs cede to those that come before them in an order."""
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return cede(rois, overlaps(rois), ranks)


def test_the_first_keeps_all_and_the_others_what_is_left():
    """Of three that overlap in one place, each cedes to those before it, once where these overlap, too."""
    rois = on_grid(box(0, 0, 4, 4), box(2, 0, 6, 4), box(3, 0, 9, 4))
    found = give(rois, [1, 0, 2])
    assert shapely.area(to_polygons(found.parts)).tolist() == [8.0, 16.0, 12.0]
    total, outside, ceded = found.measure(AREAS)
    assert total.tolist() == [16.0, 16.0, 24.0]
    assert outside.tolist() == [0.0, 0.0, 0.0]
    assert ceded.tolist() == [8.0, 0.0, 12.0]


def test_who_overlaps_nobody_keeps_every_bit():
    """Outlines that no other meets are passed on as they are, and those that only touch, too."""
    slant = shapely.Polygon([(50.1, 50.2), (60.3, 51.7), (55.5, 63.9)])
    rois = on_grid(box(0, 0, 4, 4), box(2, 0, 6, 4), slant, box(6, 0, 7, 4))
    for found in (give(rois, [0, 1, 2, 3]), split(rois, overlaps(rois))):
        kept = [part for i in (2, 3) for part in found.find(np.array([i]))[1]]
        assert len(kept) == 2
        for part, i in zip(kept, (2, 3), strict=True):
            assert shapely.equals_identical(to_polygons(found.parts)[part], to_polygons(rois)[i])


def test_what_is_ceded_off_the_raster_is_not_outside():
    """A ROI that reaches over the edge loses there what it cedes there."""
    rois = on_grid(box(-4, 0, 4, 4), box(-6, 0, -2, 4), box(10, 10, 12, 12))
    total, outside, ceded = give(rois, [1, 0, 2]).measure(AREAS)
    assert total.tolist() == [32.0, 16.0, 4.0]
    assert outside.tolist() == [8.0, 16.0, 0.0]
    assert ceded.tolist() == [8.0, 0.0, 0.0]
    total, outside, ceded = split(rois, overlaps(rois)).measure(AREAS)
    assert outside.tolist() == [12.0, 12.0, 0.0]
    assert ceded.tolist() == [4.0, 4.0, 0.0]


def test_parts_belong_to_all_that_cover_them():
    """Three boxes make seven parts; the shares of each part add up to 1, and those of a ROI to its area."""
    rois = on_grid(box(0, 0, 6, 6), box(3, 0, 9, 6), box(2, 3, 7, 9))
    found = split(rois, overlaps(rois))
    area = shapely.area(to_polygons(found.parts))
    assert len(area) == 7
    assert area.sum() == pytest.approx(shapely.union_all(to_polygons(rois)).area, rel=1e-14)
    assert np.bincount(found.part, found.share) == pytest.approx(np.ones(7), rel=1e-15)
    roi = np.repeat(np.arange(3), np.diff(found.start))
    assert np.bincount(roi, area[found.part]) == pytest.approx([36.0, 36.0, 30.0], rel=1e-14)
    assert sorted(set(found.share.tolist())) == [1 / 3, 0.5, 1.0]


def test_copies_and_holes_are_shared():
    """Two copies are one part of two; who fills the hole of another shares nothing with it."""
    ring = box(0, 0, 9, 9).difference(box(3, 3, 6, 6))
    rois = on_grid(ring, ring, box(3, 3, 6, 6))
    found = split(rois, overlaps(rois))
    assert sorted(found.share.tolist()) == [0.5, 0.5, 1.0]
    assert found.measure(AREAS)[2].tolist() == [36.0, 36.0, 0.0]


def test_some_rois_can_be_taken_with_their_parts():
    """A choice of ROIs has the parts, shares and areas that they had among all."""
    rois = on_grid(box(0, 0, 6, 6), box(3, 0, 9, 6), box(2, 3, 7, 9), box(20, 20, 22, 22))
    for found in (split(rois, overlaps(rois)), give(rois, [2, 0, 1, 3])):
        index = np.array([3, 1])
        some = found.take(index)
        for mine, all_ in zip(some.measure(AREAS), found.measure(AREAS), strict=True):
            assert mine.tolist() == all_[index].tolist()


def test_the_order_of_rois_changes_no_bit_of_the_parts():
    """The same outlines in another order are cut along the same lines, to the bit."""
    rng = np.random.default_rng(3)
    discs = [shapely.Point(x, y).buffer(12) for x, y in rng.uniform(30, 60, (6, 2))]
    rois = on_grid(*discs, shapely.reverse(discs[0]))
    turned = rois.take(np.arange(6, -1, -1))
    outlines = [
        {shapely.to_wkb(shapely.normalize(part)) for part in to_polygons(split(each, overlaps(each)).parts)}
        for each in (rois, turned)
    ]
    assert outlines[0] == outlines[1]
    assert len(outlines[0]) > 10


def test_ranks_are_by_value_then_by_place():
    """The highest or the lowest comes first, equals in their order, and who has no value last."""
    values = np.array([2.0, np.nan, 5.0, 2.0])
    assert rank(values, descending=True).tolist() == [1, 3, 0, 2]
    assert rank(values, descending=False).tolist() == [0, 3, 2, 1]
    text = np.array(["b", None, "a", "b"], dtype=object)
    assert rank(text, descending=True).tolist() == [0, 3, 2, 1]
    dates = np.array(["2020-01-02", "NaT", "2021-01-01"], dtype="datetime64[s]")
    assert rank(dates, descending=True).tolist() == [1, 2, 0]


def test_text_and_numbers_are_no_priorities():
    """Values that have no order between them are refused."""
    with pytest.raises(UsageError, match="cannot be compared"):
        rank(np.array([1, "a"], dtype=object), descending=True)


def test_unknown_policies_are_refused():
    """The names that are known are told."""
    with pytest.raises(UsageError, match="'independent', 'priority', 'split', 'error'"):
        parse_policy("first")


def test_slivers_are_small_in_pixels_and_beside_the_rois():
    """Less than a hundredth of a pixel is a sliver, unless it is more than a millionth of a ROI."""
    rois = on_grid(
        box(0, 0, 10, 10), box(9.999995, 0, 20, 10), box(30, 30, 30.05, 30.05), box(30, 30, 31, 31)
    )
    pairs, slivers = leave_slivers(overlaps(rois), shapely.area(to_polygons(rois)))
    assert (pairs.i.tolist(), pairs.j.tolist(), slivers) == ([2], [3], 1)


def test_a_pixel_in_several_parts_is_one_pixel():
    """Shares and moments of parts are summed by pixel; what adds up to a whole pixel is in a run."""
    spans = Spans(
        np.array([0, 1, 2]),
        np.array([[0, 1, 3], [1, 0, 2]], np.int32),
        np.array([0, 1, 2]),
        np.array([[0, 3], [0, 3]], np.int32),
        np.array([[0.25, 0.0, 0.1], [0.5, 0.2, 0.0]]),
    )
    start, part, share = np.array([0, 2, 3, 3]), np.array([0, 1, 1]), np.array([1.0, 0.5, 1.0])
    found = join_spans(spans, start, part, share)
    assert found.run_start.tolist() == [0, 1, 2, 2]
    assert found.runs.tolist() == [[0, 1, 3], [1, 0, 2]]
    assert found.pixel_start.tolist() == [0, 3, 4, 4]
    assert found.pixels.tolist() == [[0, 3], [1, 0], [1, 1], [0, 3]]
    assert found.parts.tolist() == [[0.5, 0.1, 0.1], [0.5, 0, 0], [0.5, 0, 0], [0.5, 0.2, 0.0]]


def test_a_whole_pixel_on_an_edge_between_parts_has_the_least_share():
    """Under rules without parts of pixels an edge through centres may put a pixel into both sides."""
    none = np.array([0, 0, 0])
    runs = np.array([[0, 0, 3], [0, 2, 5]], np.int32)
    spans = Spans(np.array([0, 1, 2]), runs, none, np.empty((0, 2), np.int32), np.empty((0, 3)))
    found = join_spans(spans, np.array([0, 2]), np.array([0, 1]), np.array([1.0, 0.5]), is_whole=True)
    assert found.runs.tolist() == [[0, 0, 2]]
    assert found.pixels.tolist() == [[0, 2], [0, 3], [0, 4]]
    assert found.parts.tolist() == [[0.5, 0, 0]] * 3
