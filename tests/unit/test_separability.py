"""Distances between classes: published values, integrals of densities, and hopeless classes."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from georoi.api.reading import open_raster
from georoi.api.separability import separability
from georoi.api.stacks import open_stack
from georoi.errors import CRSError, ROIError, UsageError
from georoi.kernels.separability import find_singular, measure_pairs
from tests.builders import UTM, write_raster

DISTANCES = ["jeffries_matusita", "transformed_divergence", "bhattacharyya"]


def pair(mean_a, cov_a, mean_b, cov_b):
    """Distances of one pair."""
    means = np.array([mean_a, mean_b], float)
    found = measure_pairs(means, np.array([cov_a, cov_b], float), np.array([0]), np.array([1]))
    return {name: float(value[0]) for name, value in found._asdict().items()}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(([0, 0], np.eye(2) / 2), ([1, 1], np.eye(2) / 2), 0.5, id="R package immunoClust"),
        pytest.param(([1], [[1]]), ([2], [[1]]), 0.125, id="R package MixtureFitting, means"),
        pytest.param(([0], [[1]]), ([0], [[1e-4]]), 1.95606150021424, id="R package MixtureFitting, spreads"),
    ],
)
def test_published_values(a, b, expected):
    """The Bhattacharyya distances that the tests of other packages assert."""
    assert pair(*a, *b)["bhattacharyya"] == pytest.approx(expected, rel=1e-13)


def test_values_worked_by_hand():
    """Spreads of 1 and 2 two apart in one band: B = 4/12 + ln(1.5/sqrt 2)/2, D = 1/4 + (1 + 1/2) 4/2."""
    found = pair([0], [[1]], [2], [[2]])

    b, d = 4 / (8 * 1.5) + np.log(1.5 / np.sqrt(2)) / 2, (2 - 1) * (1 - 1 / 2) / 2 + (1 + 1 / 2) * 4 / 2
    assert found["bhattacharyya"] == pytest.approx(b, rel=1e-14)
    assert found["jeffries_matusita"] == pytest.approx(2 * (1 - np.exp(-b)), rel=1e-14)
    assert found["divergence"] == pytest.approx(d, rel=1e-14)
    assert found["transformed_divergence"] == pytest.approx(2 * (1 - np.exp(-d / 8)), rel=1e-14)


def test_integrals_of_densities_give_the_same():
    """B and D are -ln of the integral of sqrt(p q), and the integral of (p - q) ln(p / q)."""
    mean_a, cov_a = np.array([0.3, -0.2]), np.array([[1.0, 0.5], [0.5, 2.0]])
    mean_b, cov_b = np.array([1.1, 0.9]), np.array([[2.0, -0.5], [-0.5, 1.0]])
    axis, step = np.linspace(-14, 14, 561, retstep=True)
    x = np.stack(np.meshgrid(axis, axis), axis=-1)

    def log_density(mean, cov):
        square = np.einsum("...i,ij,...j", x - mean, np.linalg.inv(cov), x - mean)
        return -square / 2 - np.log(2 * np.pi * np.sqrt(np.linalg.det(cov)))

    p, q = log_density(mean_a, cov_a), log_density(mean_b, cov_b)
    found = pair(mean_a, cov_a, mean_b, cov_b)

    assert found["bhattacharyya"] == pytest.approx(-np.log(np.exp((p + q) / 2).sum() * step**2), rel=1e-9)
    assert found["divergence"] == pytest.approx(((np.exp(p) - np.exp(q)) * (p - q)).sum() * step**2, rel=1e-9)


def random_classes(seed, n=6, p=4):
    """Means and covariances of several classes."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(n, p, p)) + 2 * np.eye(p)
    return rng.normal(size=(n, p)), roots @ roots.transpose(0, 2, 1)


@pytest.mark.parametrize("seed", range(5))
def test_laws_of_distances(seed):
    """The same bits for a pair turned round, 0 for a class and itself, no effect of units and mixtures."""
    means, covariances = random_classes(seed)
    a, b = np.triu_indices(len(means), 1)
    found = measure_pairs(means, covariances, a, b)
    turned = measure_pairs(means, covariances, b, a)
    same = measure_pairs(means, covariances, a, a)
    mix = np.random.default_rng(seed).normal(size=(4, 4)) + 3 * np.eye(4)
    mixed = measure_pairs(means @ mix.T + 100, mix @ covariances @ mix.T, a, b)
    unit = np.array([1e-9, 1e6, 1e-3, 1e12])
    in_units = measure_pairs(means * unit, covariances * np.outer(unit, unit), a, b)

    for name in found._fields:
        assert np.array_equal(getattr(found, name), getattr(turned, name))
        assert not getattr(same, name).any()
        assert getattr(mixed, name) == pytest.approx(getattr(found, name), rel=1e-8)
        assert getattr(in_units, name) == pytest.approx(getattr(found, name), rel=1e-8)
    assert ((found.jeffries_matusita >= 0) & (found.jeffries_matusita <= 2)).all()
    assert ((found.transformed_divergence >= 0) & (found.transformed_divergence <= 2)).all()


def test_far_classes_end_at_two():
    """Classes that have nothing in common are at 2, without overflow."""
    found = pair([0, 0], np.eye(2) * 1e-12, [1e6, 0], np.eye(2) * 1e12)

    assert found["jeffries_matusita"] == pytest.approx(2)
    assert found["transformed_divergence"] == 2


def test_singular_covariances_are_found():
    """A variance of 0, a layer that is a multiple or a sum of others, NaN; not a small or skewed matrix."""
    x = np.random.default_rng(1).normal(size=(3, 50))
    cases = {
        "good": x,
        "small": x * np.array([[1e-9], [1.0], [1e9]]),
        "close": np.stack([x[0], x[1], x[0] + 1e-4 * x[2]]),
        "constant": np.stack([x[0], x[1], np.zeros(50)]),
        "multiple": np.stack([x[0], x[1], 3 * x[0]]),
        "sum": np.stack([x[0], x[1], x[0] - 2 * x[1]]),
        "NaN": np.full((3, 50), np.nan),
    }
    covariances = np.stack([np.cov(case) for case in cases.values()])

    singular = dict(zip(cases, find_singular(covariances).tolist(), strict=True))

    assert singular == {name: name not in ("good", "small", "close") for name in cases}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A raster of several canonical cells, in integers and floats, two dates of it."""
    made = tmp_path_factory.mktemp("separability")
    rng = np.random.default_rng(11)
    values = rng.integers(1, 4000, (3, 700, 1100)).astype(np.uint16)
    values[1] += values[0] // 2
    values[:, 100:110] = 0
    options = {"names": ("B03", "B04", "B08"), "nodata": 0}
    write_raster(made / "whole_20200101.tif", values, block=256, **options)
    write_raster(made / "whole_20200111.tif", np.roll(values, 7, 2), block=256, **options)
    write_raster(made / "float.tif", values.astype(np.float32) / 7, block=None, **options)
    write_raster(made / "scaled.tif", values, scales=(1e-4,) * 3, offsets=(-0.1,) * 3, **options)
    return made


@pytest.fixture(scope="module")
def stands():
    """Squares and a triangle of three classes over several cells, one ROI without a class."""
    boxes = [(20, 30, 300, 280), (250, 400, 900, 690), (480.5, 0, 620.3, 180.7), (700, 20, 1090, 300)]
    shapes = [shapely.box(500_000 + 10 * x0, 5_200_000 - 10 * y1, 500_000 + 10 * x1, 5_200_000 - 10 * y0)
              for x0, y0, x1, y1 in boxes]  # fmt: skip
    shapes.append(shapely.Polygon([(500_030, 5_199_000), (503_000, 5_198_000), (501_000, 5_193_500)]))
    return gpd.GeoDataFrame({"kind": ["a", "b", "a", "c", "b"]}, geometry=shapes, crs=UTM)


def same_bits(found, expected, columns=DISTANCES):
    """Whether distances are equal to the bit."""
    return all(np.array_equal(found[name], expected[name], equal_nan=True) for name in columns)


@pytest.mark.parametrize("name", ["whole_20200101.tif", "float.tif"])
def test_any_number_of_threads_gives_the_same_bits(folder, stands, name):
    """One thread, two and seven give the same bits, for integers in tiles and floats in strips."""
    expected = separability(folder / name, stands, "kind", workers=1)
    for workers in (2, 7):
        found = separability(folder / name, stands, "kind", workers=workers)
        assert same_bits(found, expected)
        assert found.attrs["covariances"] == expected.attrs["covariances"]


@pytest.mark.parametrize("chunks", [None, (3, 700, 1100), (1, 333, 217), (2, 512, 512)])
def test_arrays_give_the_same_bits(folder, stands, chunks):
    """A DataArray in memory, or in dask chunks of any shape, gives what the file gives."""
    array = open_raster(folder / "whole_20200101.tif").to_xarray()
    array = array.load() if chunks is None else array.chunk(dict(zip(array.dims, chunks, strict=True)))

    assert same_bits(
        separability(array, stands, "kind"), separability(folder / "whole_20200101.tif", stands, "kind")
    )


def test_other_rois_do_not_matter(folder, stands):
    """ROIs in another order, or fewer of them, give the same bits for the same pairs."""
    named = stands.assign(id=[*"vwxyz"])

    def by_pair(frame):
        rows = frame[["class_a", "class_b", *DISTANCES]].itertuples(index=False)
        return {frozenset((a, b)): tuple(values) for a, b, *values in rows}

    found = by_pair(separability(folder / "whole_20200101.tif", named, "id"))
    fewer = by_pair(separability(folder / "whole_20200101.tif", named[:3], "id"))

    assert len(found) == 10
    assert by_pair(separability(folder / "whole_20200101.tif", named[::-1], "id")) == found
    assert {pair: found[pair] for pair in fewer} == fewer


def test_scale_changes_means_and_no_distance(folder, stands):
    """Scale and offset leave distances as they are, but for rounding, and apply to means and covariances."""
    plain = separability(folder / "whole_20200101.tif", stands, "kind")
    scaled = separability(folder / "scaled.tif", stands, "kind")
    stored = separability(folder / "scaled.tif", stands, "kind", scaled=False)

    for name in DISTANCES:
        assert scaled[name].to_numpy() == pytest.approx(plain[name].to_numpy(), rel=1e-9)
    assert scaled.attrs["means"]["a"] == pytest.approx(np.array(plain.attrs["means"]["a"]) * 1e-4 - 0.1)
    assert stored.attrs["means"]["a"] == pytest.approx(plain.attrs["means"]["a"])


def test_bands_beside_an_index_are_scaled_too(folder, stands, tmp_path):
    """A band and an index of a scaled raster are those of a raster that was scaled before it was written."""
    with rasterio.open(folder / "scaled.tif") as dataset:
        stored = dataset.read()
    values = np.where(stored == 0, -9999, stored * 1e-4 - 0.1)
    path = write_raster(tmp_path / "before.tif", values, names=("B03", "B04", "B08"), nodata=-9999)

    found = separability(folder / "scaled.tif", stands, "kind", bands=["B03", "NDVI"])
    expected = separability(path, stands, "kind", bands=["B03", "NDVI"])

    for name in DISTANCES:
        assert found[name].to_numpy() == pytest.approx(expected[name].to_numpy(), rel=1e-9)
    assert found.attrs["means"]["a"] == pytest.approx(expected.attrs["means"]["a"], rel=1e-12)


def test_dates_lie_beside_one_another(folder, stands):
    """Bands of two dates are layers; a pixel counts if it is valid on both."""
    paths = [folder / "whole_20200101.tif", folder / "whole_20200111.tif"]
    found = separability(open_stack(paths), stands, "kind", bands=["B03", "NDVI"])

    assert len(found.attrs["bands"]) == 4
    assert found.attrs["bands"][0].endswith("_B03")
    assert np.array(found.attrs["covariances"]["a"]).shape == (4, 4)
    assert (found.status == "ok").all()


def test_a_mask_takes_pixels_out(folder, stands):
    """Pixels that a rule does not keep do not count."""
    whole = separability(folder / "whole_20200101.tif", stands, "kind", bands=[1, 3])
    kept = separability(folder / "whole_20200101.tif", stands, "kind", bands=[1, 3], mask="B03 < 2000")

    assert (kept.n_a < 0.6 * whole.n_a).all()
    assert max(mean[0] for mean in kept.attrs["means"].values()) < 2000


def test_hopeless_classes_are_null_with_a_reason(tmp_path):
    """Too few pixels, a singular covariance, nothing valid, off the raster: null, and each says why."""
    rng = np.random.default_rng(6)
    values = rng.integers(1, 200, (2, 40, 40)).astype(np.uint8)
    values[1, :, 10:20] = values[0, :, 10:20]
    values[1, :, 20:30] = 77
    values[0, :, 30:] = 0
    path = write_raster(tmp_path / "some.tif", values, nodata=0)
    places = {"good": (0, 0, 8, 8), "few": (0, 10, 2, 11), "twin": (10, 0, 18, 9), "flat": (21, 0, 29, 9),
              "empty": (31, 0, 39, 9), "off": (100, 0, 120, 9)}  # fmt: skip
    rois = gpd.GeoDataFrame(
        {"kind": list(places)},
        geometry=[
            shapely.box(500_000 + 10 * a, 5_200_000 - 10 * d, 500_000 + 10 * c, 5_200_000 - 10 * b)
            for a, b, c, d in places.values()
        ],
        crs=UTM,
    )

    found = separability(path, rois, "kind")

    first = found[found.class_a == "good"].set_index("class_b")
    assert first.status.to_dict() == {
        "few": "too_few", "twin": "singular", "flat": "singular", "empty": "no_valid", "off": "outside"
    }  # fmt: skip
    assert found[DISTANCES].isna().all(axis=None)
    assert first.reason["few"] == "class 'few' has 2 pixels, and 2 layers need 3"
    assert "some layers follow from others" in first.reason["twin"]
    assert "has the same value in all its pixels" in first.reason["flat"]
    both = found[(found.class_a == "few") & (found.class_b == "off")].iloc[0]
    assert "'few'" in both.reason
    assert "'off'" in both.reason
    alone = separability(path, rois.iloc[[0, 2]], "kind", bands=1)
    assert alone.status.tolist() == ["ok"]


def test_refusals(folder, stands):
    """One class, an attribute that is not there, ROIs elsewhere, too many layers: told before work."""
    path = folder / "whole_20200101.tif"
    with pytest.raises(UsageError, match="there is one"):
        separability(path, stands.iloc[:1])
    with pytest.raises(ROIError, match="E-ROI-08"):
        separability(path, stands, "sort")
    with pytest.raises(CRSError, match="E-CRS-02"):
        separability(path, stands.translate(1e6, 0))
    array = open_raster(path).to_xarray().isel(band=[0, 1, 2] * 43).assign_coords(band=np.arange(129))
    with pytest.raises(UsageError, match="129 layers"):
        separability(array, stands)
