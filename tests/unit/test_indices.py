"""Spectral indices: every formula against an independent expression, and the traps of integers and zeros."""

from __future__ import annotations

import pickle
import sys
import types
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from georoi.errors import MissingExtraError, UsageError
from georoi.kernels.indices import compute_formula
from georoi.values.formulas import parse_formula, write_formula
from georoi.values.indices import INDICES, compute_index, find_index

# Written from the publications, pixel by pixel in Python's own floats: b g r e n s1 s2.
ORACLES = {
    "NDVI": lambda b, g, r, e, n, s1, s2: (n - r) / (n + r),
    "GNDVI": lambda b, g, r, e, n, s1, s2: (n - g) / (n + g),
    "NDRE": lambda b, g, r, e, n, s1, s2: (n - e) / (n + e),
    "CIRE": lambda b, g, r, e, n, s1, s2: (n - e) / e,
    "EVI": lambda b, g, r, e, n, s1, s2: 2.5 * (n - r) / (1.0 + n + 6.0 * r - 7.5 * b),
    "EVI2": lambda b, g, r, e, n, s1, s2: 2.5 * (n - r) / (1.0 + n + 2.4 * r),
    "SAVI": lambda b, g, r, e, n, s1, s2: (n - r) * (1 + 0.5) / (n + r + 0.5),
    "OSAVI": lambda b, g, r, e, n, s1, s2: (n - r) / (n + r + 0.16),
    "MSAVI": lambda b, g, r, e, n, s1, s2: n + 0.5 - 0.5 * ((2 * n + 1) ** 2 - 8 * (n - r)) ** 0.5,
    "NIRV": lambda b, g, r, e, n, s1, s2: n * (n - r) / (n + r),
    "KNDVI": lambda b, g, r, e, n, s1, s2: _kernel_ndvi(n, r),
    "NDWI": lambda b, g, r, e, n, s1, s2: (g - n) / (g + n),
    "MNDWI": lambda b, g, r, e, n, s1, s2: (g - s1) / (g + s1),
    "NDMI": lambda b, g, r, e, n, s1, s2: (n - s1) / (n + s1),
    "NBR": lambda b, g, r, e, n, s1, s2: (n - s2) / (n + s2),
    "NBR2": lambda b, g, r, e, n, s1, s2: (s1 - s2) / (s1 + s2),
    "NDBI": lambda b, g, r, e, n, s1, s2: (s1 - n) / (s1 + n),
    "BSI": lambda b, g, r, e, n, s1, s2: (s1 + r - n - b) / (s1 + r + n + b),
    "NDSI": lambda b, g, r, e, n, s1, s2: (g - s1) / (g + s1),
}
ORDER = ("blue", "green", "red", "rededge1", "nir", "swir16", "swir22")


def _kernel_ndvi(n, r):
    """kNDVI with its kernel written out: k(n, r) = exp(-(n - r)² / (2 sigma²)), k(n, n) = 1."""
    sigma = 0.5 * (n + r)
    kernel = float(np.exp(-((n - r) ** 2) / (2 * sigma**2)))
    return (1 - kernel) / (1 + kernel)


def test_every_index_has_an_oracle():
    """A new index without an independent expression fails here."""
    assert set(ORACLES) == set(INDICES)


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_formulas_agree_with_their_publications(name, dtype):
    """Random reflectances, in float64 whatever comes in."""
    bands = np.random.default_rng(1).uniform(0.01, 0.6, size=(7, 40)).astype(dtype)
    arrays = dict(zip(ORDER, bands, strict=True))
    expected = [ORACLES[name](*map(float, pixel)) for pixel in bands.T]
    result = compute_index(name, arrays)
    assert result.dtype == np.float64
    assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", INDICES)
def test_entries_say_what_they_are(name):
    """Each has a title and a dated publication, and only roles that sensors know."""
    index = INDICES[name]
    assert index.title
    assert any(char.isdigit() for char in index.source)
    assert set(index.roles) <= set(ORDER)
    assert find_index(name.lower()) is index


@pytest.mark.parametrize("name", INDICES)
def test_needs_reflectance_is_true_of_what_a_factor_changes(name):
    """The flag says whether digital numbers give the same as reflectances."""
    bands = dict(zip(ORDER, np.array([[0.04], [0.06], [0.05], [0.1], [0.4], [0.2], [0.1]]), strict=True))
    numbers = {role: band * 10000 for role, band in bands.items()}
    is_same = np.allclose(compute_index(name, bands), compute_index(name, numbers), rtol=1e-9)
    assert is_same is not INDICES[name].needs_reflectance


def test_published_values():
    """Values printed elsewhere: spyndex' README (NDVI and NIRv), the rest by hand."""
    assert compute_index("NDVI", {"nir": np.array(0.643), "red": np.array(0.175)}) == 0.5721271393643031
    dense = {"nir": np.array([0.5]), "red": np.array([0.04]), "blue": np.array([0.02])}
    assert_allclose(compute_index("EVI", dense), 2.5 * 0.46 / 1.59)
    assert_allclose(compute_index("SAVI", dense), 1.5 * 0.46 / 1.04)
    assert_allclose(
        compute_index("NIRV", {"nir": np.array([0.67]), "red": np.array([0.12])}), 0.4664556962025317
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64", "int16"])
def test_integers_never_wrap(dtype):
    """nir < red is a negative index, and a sum beyond the dtype is a sum."""
    top = min(np.iinfo(dtype).max, 2**40)
    nir, red = np.array([10, top, top], dtype), np.array([30, top, 0], dtype)
    assert_array_equal(compute_index("NDVI", {"nir": nir, "red": red}), [-0.5, 0.0, 1.0])
    assert nir.tolist() == [10, top, top]


def test_near_zero_denominators_are_nan():
    """Zero and what is left of a cancellation, at every scale; small but honest denominators are values."""
    nir = np.array([0.0, 1.0, 1e-9, 1.0, 5000.0, np.nan, np.inf])
    red = np.array([0.0, -1.0 + 1e-9, 1e-9, -0.999, -5000.001, 1.0, np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = compute_index("NDVI", {"nir": nir, "red": red})
    assert_array_equal(np.isnan(result), [True, True, False, False, True, True, True])
    assert_allclose(result[2:4], [0.0, 1.999 / 0.001], rtol=1e-9)


def test_evi_is_nan_where_its_denominator_vanishes():
    """nir + 6 red + 1 = 7.5 blue happens over clouds, where EVI would be anything."""
    red, nir = 0.5, 0.5
    blue = (nir + 6 * red + 1) / 7.5
    bands = {"nir": np.array([nir]), "red": np.array([red]), "blue": np.array([blue])}
    assert np.isnan(compute_index("EVI", bands | {"nir": np.array([0.5])}))
    assert not np.isnan(compute_index("EVI", bands | {"blue": np.array([blue * 0.9])}))


def test_a_root_of_less_than_zero_is_nan():
    """MSAVI of digital numbers that are no reflectances, without a warning."""
    assert np.isnan(compute_formula(parse_formula("sqrt(nir)"), {"nir": np.array([-1.0])}))


def test_shapes_and_runs():
    """Arrays of several dimensions, beyond one run, not contiguous, and of no pixel."""
    random = np.random.default_rng(0)
    nir, red = random.uniform(0, 1, (2, 3, 170, 101))
    expected = (nir - red) / (nir + red)
    assert_allclose(compute_index("NDVI", {"nir": nir, "red": red}), expected)
    assert_allclose(
        compute_index("NDVI", {"nir": nir[:, ::2, ::-1], "red": red[:, ::2, ::-1]}), expected[:, ::2, ::-1]
    )
    assert compute_index("NDVI", {"nir": nir[:0], "red": red[:0]}).shape == (0, 170, 101)


def test_inputs_are_left_alone():
    """float64 arrays are not written to, though intermediate results reuse memory."""
    bands = {role: np.full(5, 0.1 + 0.1 * i) for i, role in enumerate(ORDER)}
    before = {role: band.copy() for role, band in bands.items()}
    for name in INDICES:
        compute_index(name, bands)
    compute_formula(parse_formula("nir"), bands)[:] = 7
    for role, band in bands.items():
        assert_array_equal(band, before[role])


def test_unknown_indices_and_missing_bands():
    """The error says what is near, and what is missing."""
    with pytest.raises(UsageError, match="no index 'NDVJ'") as caught:
        compute_index("NDVJ", {})
    assert caught.value.hint == "did you mean NDVI?"
    with pytest.raises(UsageError, match="EVI needs red, blue"):
        compute_index("EVI", {"nir": np.zeros(1)})


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("nir.real", 1),
        ("__import__('os').system('true')", 1),
        ("nir + open(red)", 7),
        ("nir + sqrt(red, 2)", 7),
        ("nir @ red", 1),
        ("nir if red else 1", 1),
        ("nir + 'red'", 7),
        ("nir + ) 2", 7),
        ("nir +", 6),
        ("nir + (lambda: 0)", 8),
        ("2e999 * nir", 1),
    ],
)
def test_formulas_hold_nothing_but_arithmetic(text, position):
    """Everything else is refused with its position, and nothing is run."""
    with pytest.raises(UsageError) as caught:
        parse_formula(text)
    assert caught.value.found["at"].split(":")[0] == f"character {position}"


@pytest.mark.parametrize(
    "text", ["", "nir + " * 500 + "nir", "-" * 900 + "nir", "(" * 300 + "nir" + ")" * 300, "a\0b"]
)
def test_formulas_that_would_exhaust_the_parser_are_refused(text):
    """Long and deep texts end in an error of ours, whatever Python makes of them."""
    with pytest.raises(UsageError, match="not understood"):
        parse_formula(text)


def test_formulas_are_written_as_they_are_read():
    """And go to workers as plain data."""
    for index in INDICES.values():
        assert parse_formula(write_formula(index.tree)) == index.tree
        assert pickle.loads(pickle.dumps(index)) == index


@pytest.fixture
def spyndex(monkeypatch):
    """A stand-in with the members of spyndex 0.12 that are used."""
    entry = types.SimpleNamespace
    indices = {
        "VARI": entry(
            formula="(G-R)/(G+R-B)", reference="doi:10.1016/S0034-4257(01)00289-9", long_name="VARI"
        ),
        "WDRVI": entry(
            formula="(alpha*N-R)/(alpha*N+R)", reference="doi:10.1078/0176-1617-01176", long_name="W"
        ),
        "kRVI": entry(formula="kNN/kNR", reference="r", long_name="Kernel"),
        "BAD": entry(formula="__import__('os').getcwd()", reference="r", long_name="Bad"),
    }
    constants = {"alpha": entry(default=0.1)}
    module = types.ModuleType("spyndex")
    module.indices, module.constants = indices, constants
    monkeypatch.setitem(sys.modules, "spyndex", module)


def test_spyndex_gives_formulas(spyndex):
    """Bands by letter and constants with a default, evaluated here."""
    assert find_index("spyndex:vari").roles == ("green", "red", "blue")
    bands = {"nir": np.array([0.5]), "red": np.array([0.1])}
    assert_allclose(compute_index("spyndex:WDRVI", bands), -0.05 / 0.15)


@pytest.mark.parametrize("name", ["kRVI", "BAD", "NOPE"])
def test_spyndex_formulas_that_are_more_than_bands_are_refused(spyndex, name):
    """Kernels, code and names that it does not have."""
    with pytest.raises(UsageError):
        find_index(f"spyndex:{name}")


def test_spyndex_is_named_where_it_is_missing(monkeypatch):
    """With the line that installs it."""
    monkeypatch.setitem(sys.modules, "spyndex", None)
    with pytest.raises(MissingExtraError, match="spyndex is not installed"):
        find_index("spyndex:VARI")
