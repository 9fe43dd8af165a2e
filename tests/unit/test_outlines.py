"""Masks and label rasters become ROIs along their pixels' edges."""

from __future__ import annotations

import warnings

import numpy as np
import odc.geo.xr
import pytest
import shapely
import xarray as xr
from affine import Affine

from georoi.crs import parse_crs
from georoi.errors import CRSError, ROIError, UsageError
from georoi.grid import make_grid
from georoi.values.rois import ROISet

LABELS = np.array(
    [
        [1, 1, 0, 2],
        [1, 0, 2, 0],
        [0, 0, 0, 1],
    ],
    np.uint8,
)
UTM = make_grid((3, 4), Affine(10, 0, 500000, 0, -10, 5000000), "EPSG:32633")


def in_world(values, grid):
    """A DataArray on a grid."""
    return odc.geo.xr.wrap_xr(values, grid)


class TestMask:
    """One ROI of all True pixels."""

    def test_outline_of_a_mask(self):
        """The outline has the pixels' area and keeps holes; it is one ROI, in parts."""
        mask = np.ones((5, 5), bool)
        mask[2, 2] = False
        mask[4, 3:] = False
        [(roi_id, geometry)] = ROISet.from_mask(mask)
        assert roi_id == 0
        assert geometry.area == 22
        assert len(geometry.interiors) == 1
        assert geometry.bounds == (0, 0, 5, 5)

    def test_pixel_space_without_grid(self):
        """A bare array is in pixel space."""
        rois = ROISet.from_mask(LABELS == 2, ids=["two"])
        assert rois.pixel
        assert rois.ids.tolist() == ["two"]
        assert rois.geometry[0].equals(
            shapely.MultiPolygon([shapely.box(3, 0, 4, 1), shapely.box(2, 1, 3, 2)])
        )

    def test_world_with_grid(self):
        """With a grid the outline is in its CRS."""
        for rois in (ROISet.from_mask(LABELS == 1, grid=UTM), ROISet.from_mask(in_world(LABELS == 1, UTM))):
            assert not rois.pixel
            assert rois.crs == parse_crs("EPSG:32633")
            assert rois.bounds == (500000, 4999970, 500040, 5000000)
            assert rois.geometry[0].area == 400

    def test_rotated_grids(self):
        """On a rotated grid outlines turn along."""
        grid = make_grid((3, 4), Affine(10, 5, 500000, 5, -10, 5000000), "EPSG:32633")
        rois = ROISet.from_mask(LABELS > 0, grid=grid)
        assert rois.geometry[0].area == pytest.approx(6 * 125)

    def test_ones_and_zeros_are_a_mask_and_nothing_else(self):
        """Numbers other than 0 and 1 are no mask."""
        assert ROISet.from_mask(np.array([[0, 1]])).geometry[0].area == 1
        assert ROISet.from_mask(np.array([[np.nan, 1.0]])).geometry[0].area == 1
        with pytest.raises(UsageError, match="from_labels"):
            ROISet.from_mask(LABELS)

    def test_masked_pixels_are_out(self):
        """Masked elements of a masked array are not True."""
        masked = np.ma.array(np.ones((2, 2), bool), mask=[[True, False], [False, False]])
        assert ROISet.from_mask(masked).geometry[0].area == 3

    def test_nothing_is_no_roi(self):
        """A mask without a True pixel is an error."""
        with pytest.raises(ROIError) as caught:
            ROISet.from_mask(np.zeros((3, 3), bool))
        assert caught.value.id == "E-ROI-02"

    @pytest.mark.parametrize("array", [np.ones(3, bool), np.ones((2, 2, 2), bool), np.array([["a"]])])
    def test_wrong_arrays(self, array):
        """Masks are numbers in rows and columns."""
        with pytest.raises(UsageError):
            ROISet.from_mask(array)

    def test_grid_of_another_shape(self):
        """The grid must have the mask's shape."""
        with pytest.raises(UsageError, match="shape"):
            ROISet.from_mask(np.ones((2, 2), bool), grid=UTM)


class TestLabels:
    """One ROI per class or per connected object."""

    def test_classes(self):
        """Each value is one ROI, in ascending order, with its pixels counted."""
        rois = ROISet.from_labels(LABELS)
        assert rois.ids.tolist() == [1, 2]
        assert shapely.area(rois.geometry).tolist() == [4, 2]
        assert rois.attributes["pixels"].tolist() == [4, 2]

    def test_names_take_the_place_of_values(self):
        """Names are ids; values stay an attribute."""
        rois = ROISet.from_labels(LABELS, names={1: "forest", 2: "water"})
        assert rois.ids.tolist() == ["forest", "water"]
        assert rois.attributes["value"].tolist() == [1, 2]

    def test_objects_connected_by_edges(self):
        """With connectivity 4 a corner does not connect."""
        rois = ROISet.from_labels(LABELS, mode="component")
        assert rois.ids.tolist() == ["1-1", "1-2", "2-1", "2-2"]
        assert shapely.area(rois.geometry).tolist() == [3, 1, 1, 1]

    def test_objects_connected_by_corners_are_valid_multipolygons(self):
        """With connectivity 8 pixels that touch at a corner are one valid MultiPolygon."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rois = ROISet.from_labels(LABELS, mode="component", connectivity=8)
        assert rois.ids.tolist() == ["1-1", "1-2", "2-1"]
        touching = rois.geometry[2]
        assert touching.geom_type == "MultiPolygon"
        assert touching.is_valid
        assert touching.area == 2

    def test_objects_with_names(self):
        """Objects of a named class are numbered within it."""
        rois = ROISet.from_labels(LABELS, mode="component", names={1: "forest"})
        assert rois.ids.tolist() == ["forest-1", "forest-2", "2-1", "2-2"]

    def test_background(self):
        """The background can be another value, or none."""
        assert ROISet.from_labels(LABELS, background=2).ids.tolist() == [0, 1]
        assert ROISet.from_labels(LABELS, background=None).ids.tolist() == [0, 1, 2]

    def test_instances_of_any_size(self):
        """Instance numbers may be far apart, negative or large."""
        values = np.array([[5, 5, -3], [2**40, 2**40, -3]], np.int64)
        rois = ROISet.from_labels(values, mode="instance")
        assert rois.ids.tolist() == [-3, 5, 2**40]
        large = np.array([[2**64 - 1, 1], [1, 0]], np.uint64)
        assert ROISet.from_labels(large).ids.tolist() == [1, 2**64 - 1]

    def test_floats_with_nan(self):
        """NaN belongs to no ROI, whole floats are whole numbers."""
        rois = ROISet.from_labels(np.array([[1.0, np.nan, 2.5]]))
        assert rois.ids.tolist() == [1, "2.5"]

    def test_nodata_of_a_data_array(self):
        """The declared nodata value is no class; a single band is taken."""
        array = in_world(LABELS, UTM).expand_dims("band").assign_attrs(nodata=2)
        rois = ROISet.from_labels(array)
        assert rois.ids.tolist() == [1]
        assert rois.crs == parse_crs("EPSG:32633")

    def test_a_raster_opens_itself(self):
        """Whatever has to_xarray() is asked for its pixels."""

        class Opened:
            def to_xarray(self):
                return in_world(LABELS, UTM)

        assert ROISet.from_labels(Opened()).bounds == (500000, 4999970, 500040, 5000000)

    def test_windows_in_pixel_space_keep_their_place(self):
        """A window of an image without georeference has coordinates, and its ROIs lie in the image."""
        image = xr.DataArray(
            LABELS, dims=("y", "x"), coords={"y": np.arange(3) + 0.5, "x": np.arange(4) + 0.5}
        )
        rois = ROISet.from_labels(image[1:, 2:])
        assert rois.pixel
        assert rois.bounds == (2, 1, 4, 3)

    def test_coordinates_without_crs_cannot_be_placed(self):
        """World coordinates of unknown CRS are not taken for pixels."""
        image = xr.DataArray(LABELS, dims=("y", "x"), coords={"y": [30.0, 20, 10], "x": [10.0, 20, 30, 40]})
        with pytest.raises(CRSError) as caught:
            ROISet.from_labels(image)
        assert caught.value.id == "E-CRS-01"
        assert ROISet.from_labels(image, grid=UTM).crs is not None

    @pytest.mark.parametrize("options", [{"mode": "blob"}, {"mode": "component", "connectivity": 6}])
    def test_unknown_options(self, options):
        """Modes and connectivities are among those allowed."""
        with pytest.raises(UsageError):
            ROISet.from_labels(LABELS, **options)

    def test_all_background(self):
        """Labels without a label are an error."""
        with pytest.raises(ROIError) as caught:
            ROISet.from_labels(np.zeros((3, 3), np.uint8))
        assert caught.value.id == "E-ROI-02"

    @pytest.mark.parametrize(
        "order", [("x", "y"), ("band", "y", "x"), ("y", "x", "band"), ("x", "band", "y")]
    )
    def test_dimensions_may_stand_in_any_order(self, order):
        """Rows and columns are known by their names, wherever they stand; one band counts as none."""
        image = in_world(LABELS, UTM)
        turned = (image.expand_dims("band") if "band" in order else image).transpose(*order)
        expected = ROISet.from_labels(image)
        for made in (ROISet.from_labels(turned), ROISet.from_labels(turned, grid=UTM)):
            assert made.bounds == expected.bounds
            assert shapely.equals(made.geometry, expected.geometry).all()
        assert shapely.equals(
            ROISet.from_mask(turned == 1).geometry, ROISet.from_mask(image == 1).geometry
        ).all()
        square = make_grid((3, 3), UTM.affine, "EPSG:32633")
        mirrored = ROISet.from_labels(in_world(LABELS[:, :3], square).transpose("x", "y"))
        assert shapely.equals(
            mirrored.geometry, ROISet.from_labels(in_world(LABELS[:, :3], square)).geometry
        ).all()

    def test_several_bands_are_refused(self):
        """Which band is meant is not guessed."""
        image = xr.concat([in_world(LABELS, UTM)] * 2, "band")
        with pytest.raises(UsageError, match="rows and columns"):
            ROISet.from_labels(image)

    def test_a_path_is_refused_with_what_to_do(self, tmp_path):
        """Values read no files: the message says how to open one."""
        for make in (ROISet.from_labels, ROISet.from_mask):
            for path in ("labels.tif", tmp_path / "labels.tif"):
                with pytest.raises(UsageError, match="not paths") as caught:
                    make(path)
                assert "georoi.open_raster(" in str(caught.value.hint)

    def test_nothing_to_outline_is_said_in_terms_of_pixels(self):
        """E-ROI-02 of a mask or labels does not speak of features and polygons."""
        with pytest.raises(ROIError, match="no pixel of the mask is True"):
            ROISet.from_mask(np.zeros((2, 3), bool))
        with pytest.raises(ROIError, match=r"every pixel of the labels is background \(0\)") as caught:
            ROISet.from_labels(np.zeros((2, 3), np.uint8))
        assert caught.value.found["pixels"] == "2 rows x 3 columns"

    def test_the_largest_labels(self):
        """Values above those of a signed number stay what they are, and so do both ends of a signed one."""
        low = np.array([[2**63, 2**63 + 5]], dtype=np.uint64)
        assert ROISet.from_labels(low).attributes["value"].tolist() == [2**63, 2**63 + 5]
        for dtype in (np.int8, np.int64, np.uint64):
            ends = [np.iinfo(dtype).min + 1, np.iinfo(dtype).max]
            made = ROISet.from_labels(np.array([ends], dtype=dtype))
            assert made.attributes["value"].tolist() == ends

    def test_names_are_a_mapping(self):
        """A list of names says not which is of which value."""
        with pytest.raises(UsageError, match="mapping"):
            ROISet.from_labels(np.array([[1, 2]]), names=["a", "b"])
