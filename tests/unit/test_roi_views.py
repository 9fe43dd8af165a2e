"""Views of a ROISet: one line, static HTML, a plot with named axes, a map."""

from __future__ import annotations

import builtins
import html.parser
import warnings

import geopandas
import numpy as np
import pytest
import shapely

from georoi.errors import CRSError, GeoroiWarning, MissingExtraError
from georoi.values.rois import ROISet
from tests.frames import SQUARES, frame


class _Outside(html.parser.HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.tags = set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.found += [name for name, value in attributes if name.startswith("on") or name in ("src", "href")]
        self.found += [value for _, value in attributes if value and ("://" in value or "url(" in value)]


class TestViews:
    """Views are safe and small, and draw what is there."""

    def test_line(self):
        """The repr says name, number, CRS, area and ids in one line."""
        rois = ROISet.from_boxes([(500000, 0, 501000, 1000)], crs=32633, ids=["a"])
        assert repr(rois).startswith("ROISet 'boxes': 1 polygon, EPSG:32633, 100.")
        assert (
            repr(ROISet.from_pixel_boxes((0, 0, 3, 4)))
            == "ROISet 'pixel boxes': 1 polygon, pixel space, 12 px"
        )
        assert "CRS unknown" in repr(ROISet.from_geometries(SQUARES))

    def test_line_counts_findings(self):
        """What was repaired or dropped shows."""
        with pytest.warns(GeoroiWarning):
            rois = ROISet.from_geometries(
                [shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), None], ids=["a", "b"]
            )
        assert "1 repaired, 1 dropped" in repr(rois)

    def test_out_of_range_coordinates_have_no_area_but_a_repr(self):
        """A repr never fails for coordinates that the CRS gate would refuse."""
        assert "1 polygon" in repr(ROISet.from_boxes([(5e5, 5e6, 6e5, 6e6)], crs=4326))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ROISet.from_boxes([(0, 0, 1e300, 1e300)], crs=4326)._repr_html_()

    def test_html_is_static_escaped_and_drawn(self):
        """Names from files are text in it, and it neither runs nor fetches anything."""
        nasty = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u202eevil\x00"]
        text = ROISet.from_geodataframe(frame(roi_id=nasty, name=nasty))._repr_html_()
        page = _Outside()
        page.feed(text)
        assert page.found == []
        assert page.tags <= {"div", "strong", "svg", "title", "g", "path", "table", "tr", "th", "td"}
        assert text.count("<path") == 3
        assert "&lt;script&gt;" in text
        assert not set("\u202e\x00") & set(text)

    def test_html_stays_small(self):
        """Many, long and detailed: at most 60 KB."""
        circles = shapely.buffer(shapely.points(np.arange(3000), np.arange(3000)), 40, quad_segs=64)
        columns = {f"column {'x' * 300} {n}": ["y" * 10_000] * 3000 for n in range(12)}
        gdf = geopandas.GeoDataFrame(columns, geometry=circles, crs=32633)
        text = ROISet.from_geodataframe(gdf)._repr_html_()
        assert 2000 < len(text.encode()) <= 60 * 1024
        assert "<path" in text

    def test_html_coarsens_what_has_many_vertices(self):
        """A ROI of ten thousand specks, and one of a hundred thousand vertices, fit too."""
        specks = shapely.multipolygons(
            [shapely.box(x, y, x + 0.5, y + 0.5) for x in range(100) for y in range(100)]
        )
        circle = shapely.Point(50, 50).buffer(70, quad_segs=25_000)
        text = ROISet.from_geometries([specks, circle], crs=32633)._repr_html_()
        assert text.count("<path") == 2
        assert len(text) <= 60 * 1024

    def test_small_ones_are_not_lost_in_the_drawing(self):
        """A speck beside a large ROI is drawn too."""
        text = ROISet.from_boxes([(0, 0, 1000, 1000), (1, 1, 1.01, 1.01)], crs=32633)._repr_html_()
        assert text.count("<path") == 2

    def test_pixel_space_is_drawn_y_down(self):
        """In pixel space row 0 is at the top, in the world the north is."""
        boxes = [(0, 0, 10, 10), (0, 30, 10, 40)]
        [world, pixel] = (
            ROISet.from_geometries([shapely.box(*box) for box in boxes], crs=crs)._repr_html_()
            for crs in ("EPSG:32633", "pixel")
        )
        tops = [
            [
                min(int(pair.split()[1]) for pair in path.split('"')[0].strip("MZ").split("L"))
                for path in text.split('d="')[1:]
            ]
            for text in (world, pixel)
        ]
        assert tops[0][0] > tops[0][1]
        assert tops[1][0] < tops[1][1]

    def test_plot(self):
        """.plot() draws on Axes, y down in pixel space."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        axes = ROISet.from_geodataframe(frame()).plot()
        assert len(axes.collections) == 1
        assert not axes.yaxis_inverted()
        below = plt.subplots()[1]
        assert ROISet.from_pixel_boxes((0, 0, 2, 2)).plot(ax=below, color="red") is below
        assert below.yaxis_inverted()
        plt.close("all")

    @pytest.mark.parametrize(
        ("crs", "x_label", "y_label"),
        [
            (32633, "easting (metre)", "northing (metre)"),
            (3035, "easting (metre)", "northing (metre)"),
            (4326, "longitude (degree)", "latitude (degree)"),
            (2264, "easting (US survey foot)", "northing (US survey foot)"),
            (3031, "x (metre)", "y (metre)"),
            (None, "x (unknown unit)", "y (unknown unit)"),
        ],
    )
    def test_a_plot_names_its_axes_and_writes_coordinates_out(self, crs, x_label, y_label):
        """Axes have name and unit, and ticks are whole coordinates: no offset, no power of ten."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        far = (
            shapely.box(35, 45, 35.001, 45.001) if crs == 4326 else shapely.box(465e3, 5079e3, 466e3, 5081e3)
        )
        axes = ROISet.from_geometries([far], crs=crs).plot()
        axes.figure.canvas.draw()
        assert (axes.get_xlabel(), axes.get_ylabel()) == (x_label, y_label)
        for axis, start in (
            (axes.xaxis, "35.0" if crs == 4326 else "46"),
            (axes.yaxis, "45.0" if crs == 4326 else "50"),
        ):
            assert axis.get_offset_text().get_text() == ""
            labels = [tick.get_text() for tick in axis.get_ticklabels()]
            assert any(label.startswith(start) for label in labels)
            assert len(labels) <= 12
        plt.close("all")

    def test_explore_escapes_and_places(self):
        """.explore() gives a folium map at the place, with names as text."""
        folium = pytest.importorskip("folium")
        rois = ROISet.from_boxes([(15, 46, 15.1, 46.1)], crs=4326, ids=["<script>alert(1)</script>"])
        chart = rois.explore()
        assert isinstance(chart, folium.Map)
        page = chart.get_root().render()
        assert "<script>alert(1)" not in page
        assert "46.1" in page
        assert isinstance(ROISet.from_pixel_boxes((0, 0, 2, 2)).explore(), folium.Map)
        with pytest.raises(CRSError):
            ROISet.from_geometries(SQUARES).explore()

    @pytest.mark.parametrize(("package", "method"), [("matplotlib", "plot"), ("folium", "explore")])
    def test_missing_extras_are_named(self, monkeypatch, package, method):
        """Without the extra the error holds the pip line."""
        true_import = builtins.__import__

        def refuse(name, *rest, **more):
            if name.partition(".")[0] == package:
                raise ImportError(name)
            return true_import(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(MissingExtraError, match=r"georoi\[plot\]"):
            getattr(ROISet.from_boxes([(0, 0, 1, 1)], crs=4326), method)()
