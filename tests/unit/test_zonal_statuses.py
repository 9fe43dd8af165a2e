"""Statuses, reasons and definitions: why a number is null, and what each one is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
import xarray as xr

from georoi.api.zonal import zonal_stats
from georoi.errors import UsageError
from georoi.values.rois import ROISet

VALUES = np.array([[1, 1, 2, 2], [3, 3, 3, 9], [5, 5, 7, 8]], dtype="float64")


def take(
    values: Any, geometries: Any, stats: Any = "count, mean, median", *, nodata: Any = None, **options: Any
) -> Any:
    """Take statistics in pixel space."""
    attributes = {} if nodata is None else {"_FillValue": nodata}
    array = xr.DataArray(np.asarray(values), dims=("y", "x"), attrs=attributes)
    rois = ROISet.from_geometries(geometries, crs=None, pixel=True)
    return zonal_stats(array, rois, stats, **options)


def whole(values: Any, stats: Any, **options: Any) -> Any:
    """Take statistics of all pixels."""
    rows, cols = np.shape(values)
    return take(values, [shapely.box(0, 0, cols, rows)], stats, **options).iloc[0]


def test_every_null_has_a_status_and_a_reason() -> None:
    """Outside, all nodata, all NaN, no centre inside, too little valid; and those that are fine."""
    values = np.arange(100.0).reshape(10, 10)
    values[0:3, 0:3], values[0:3, 5:8] = -1, np.nan
    rois = [
        shapely.box(20, 20, 30, 30),
        shapely.box(0, 0, 3, 3),
        shapely.box(5, 0, 8, 3),
        shapely.box(0, 0, 5, 6),
        shapely.box(4, 4, 8, 8),
        shapely.box(5.6, 5.6, 5.9, 5.9),
    ]
    table = take(values, rois, nodata=-1.0, min_valid=0.8)
    assert table["status"].tolist() == ["outside", "no_valid", "no_valid", "withheld", "ok", "small"]
    for reason, words in zip(
        table["reason"], ["outside", "100% nodata", "not finite", "70.0%", None, "0.09"], strict=True
    ):
        assert reason is None or reason != reason if words is None else words in reason
    assert table["mean"].isna().tolist() == [True, True, True, True, False, False]
    assert table["median"].isna().tolist() == table["mean"].isna().tolist()
    assert table["count"].iloc[:3].tolist() == [0, 0, 0]
    centre = take(values, rois, nodata=-1.0, boundary="center")
    assert centre["status"].iloc[5] == "no_valid"
    assert "centre" in centre["reason"].iloc[5]
    assert centre["status"].iloc[3] == "ok"


def test_a_mean_is_withheld_below_the_share_asked_for_and_given_at_it() -> None:
    """With three quarters valid, min_valid=0.75 gives the mean, and a little more withholds it."""
    values = np.ones((4, 4))
    values[0] = np.nan
    for share, status in ((0.0, "ok"), (0.75, "ok"), (0.7501, "withheld"), (1.0, "withheld")):
        row = whole(values, "count, mean, nunique", min_valid=share)
        assert row["status"] == status
        assert np.isnan(row["mean"]) == (status == "withheld")
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError):
            whole(values, "mean", min_valid=wrong)


def test_what_lies_outside_counts_against_min_valid() -> None:
    """A ROI that is half off the raster is half valid."""
    half = [shapely.box(2, 0, 6, 3)]
    assert take(VALUES, half, min_valid=0.5)["status"].tolist() == ["ok"]
    assert take(VALUES, half, min_valid=0.51)["status"].tolist() == ["withheld"]


def test_a_small_roi_is_flagged_and_kept() -> None:
    """Below one effective pixel the value is that of the pixels met, by their shares."""
    row = take(VALUES, [shapely.box(1.5, 0.2, 2.25, 1)], "mean, count, n_pixels").iloc[0]
    assert row["status"] == "small"
    assert row["n_pixels"] == 2
    assert row["mean"] == pytest.approx((0.5 * 1 + 0.25 * 2) / 0.75, rel=1e-14)


def test_quantiles_are_numpys_inverted_cdf() -> None:
    """For every q, of whole pixels and of shares; and linear on request for whole pixels."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 9, (9, 11)).astype("float64")
    quantiles = [0, 0.05, 0.25, 0.5, 0.75, 0.9, 1]
    for q in quantiles:
        expected = np.quantile(values, q, method="inverted_cdf")
        assert whole(values, {"x": f"quantile(q={q})"})["x"] == expected
        linear = whole(values, {"x": f"quantile(q={q}, method='linear')"}, boundary="center")["x"]
        assert linear == pytest.approx(np.quantile(values, q), rel=1e-15)
    polygon = shapely.box(0.25, 0.5, 10.5, 8.75)
    weights = np.outer([0.5, *[1] * 7, 0.75], [0.75, *[1] * 9, 0.5])
    for q in quantiles[1:]:
        found = take(values, [polygon], {"x": f"quantile(q={q})"})["x"].item()
        expected = np.quantile(values.ravel(), q, weights=weights.ravel(), method="inverted_cdf")
        assert found == expected


def test_quantiles_that_interpolate_are_refused_under_shares() -> None:
    """Ranks between pixels are defined for equal weights alone."""
    with pytest.raises(UsageError, match="equal weight"):
        whole(VALUES, "quantile(q=0.5, method='linear')")


def test_ties_of_the_mode_go_to_the_least_value() -> None:
    """3 occurs three times; of those that occur once the least is the minority; ties of both are stable."""
    row = whole(VALUES, "mode, minority, nunique, majority=mode")
    assert (row["mode"], row["minority"], row["nunique"]) == (3, 7, 7)
    tied = whole(np.array([[5, 2, 5, 2, 8]]), "mode, minority")
    assert (tied["mode"], tied["minority"]) == (2, 8)
    assert whole(np.array([[5, 2]]), "minority")["minority"] == 2


def test_shares_of_classes_add_up_to_one() -> None:
    """A column for each class met by any ROI, 0 where another ROI meets it."""
    rois = [shapely.box(0, 0, 4, 1), shapely.box(0, 1, 4, 2)]
    table = take(VALUES, rois, "frac")
    columns = [name for name in table.columns if name.startswith("frac_")]
    assert columns == ["frac_1", "frac_2", "frac_3", "frac_9"]
    assert table[columns].to_numpy().tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.75, 0.25]]
    named = take(VALUES, rois, "frac(3, 4)")
    assert named[["frac_3", "frac_4"]].to_numpy().tolist() == [[0, 0], [0.75, 0]]


def test_a_histogram_counts_as_numpy_does() -> None:
    """Half-open bins but for the last, weights where pixels are cut, values beyond left out."""
    bins = [1.0, 3.0, 8.0]
    row = whole(VALUES, "hist(bins=[1, 3, 8])")
    assert row["hist"] == np.histogram(VALUES, bins)[0].tolist()
    cut = take(VALUES, [shapely.box(0, 0, 1.5, 2)], "hist(bins=[1, 3, 8])")
    assert cut["hist"].item() == pytest.approx([1.5, 1.5])


def test_moments_are_those_of_the_population() -> None:
    """Std and var divide by the number of pixels; cv by the mean, null where that is 0."""
    row = whole(VALUES, "std, var, cv, range, sum")
    assert row["var"] == pytest.approx(VALUES.var(), rel=1e-14)
    assert row["std"] == pytest.approx(VALUES.std(), rel=1e-14)
    assert row["cv"] == pytest.approx(VALUES.std() / VALUES.mean(), rel=1e-14)
    assert (row["range"], row["sum"]) == (8, 49)
    assert np.isnan(whole(np.array([[-1.0, 1.0]]), "cv")["cv"])


@pytest.mark.parametrize("scale", [2.5, -2.5])
def test_scale_and_offset_reach_every_statistic(scale: float) -> None:
    """What is computed of scaled values is the same as scaling what is stored, with a negative scale too."""
    stats = "sum, mean, std, var, cv, min, max, range, median, q10, mode, minority, nunique"
    array = xr.DataArray(VALUES.astype("int16"), dims=("y", "x"))
    array.attrs |= {"scale_factor": scale, "add_offset": 4.0}
    box = ROISet.from_geometries([shapely.box(0.5, 0, 4, 2.5)], crs=None, pixel=True)
    found = zonal_stats(array, box, stats).iloc[0]
    expected = take(VALUES * scale + 4, [shapely.box(0.5, 0, 4, 2.5)], stats).iloc[0]
    for name in stats.split(", "):
        assert found[name] == pytest.approx(expected[name], rel=1e-13), name
    stored = zonal_stats(array, box, stats, scaled=False).iloc[0]
    assert stored["max"] == 9


def test_a_function_gets_values_and_weights() -> None:
    """A function of (values, weights) sees every valid pixel once, as float64."""
    seen = []

    def spread(values: Any, weights: Any) -> float:
        seen.append((values.dtype, values.shape == weights.shape, weights.sum()))
        return float(values.max() - values.min())

    row = take(VALUES.astype("uint8"), [shapely.box(0, 0, 2.5, 3)], {"spread": spread}).iloc[0]
    assert row["spread"] == 6
    assert seen == [(np.dtype("float64"), True, 7.5)]


def test_progress_counts_the_tiles() -> None:
    """A callback is told how far the work is, and that it is done."""
    steps = []
    whole(VALUES, "mean", progress=lambda done, total, message: steps.append((done, total)))
    assert steps[-1] == (1, 1)


def test_options_that_mean_nothing_are_refused() -> None:
    """Wrong words are an error before anything is read."""
    for options in ({"on_error": "ignore"}, {"as_": "frame"}, {"boundary": "centre-ish"}):
        with pytest.raises(UsageError):
            whole(VALUES, "mean", **options)
