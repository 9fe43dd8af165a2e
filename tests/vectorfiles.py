"""Three ROIs written in any format, and GeoJSON files of any content."""

from __future__ import annotations

import json
import warnings
import zipfile

import geopandas
import pytest
import shapely

from georoi.errors import CRSError, GeoroiWarning, ROIError
from georoi.io.vector.vectors import read_rois

SHAPES = [
    shapely.box(10, 45, 11, 46),
    shapely.Polygon(shapely.box(12, 45, 14, 47).exterior, [shapely.box(12.5, 45.5, 13, 46).exterior]),
    shapely.MultiPolygon([shapely.box(15, 45, 16, 46), shapely.box(17, 45, 18, 46)]),
]


EXTENSIONS = ["geojson", "geojsonl", "gpkg", "shp", "fgb", "parquet", "zip"]


def frame(crs="EPSG:4326"):
    """Three ROIs of every kind, with text beyond ASCII."""
    return geopandas.GeoDataFrame(
        {"id": [7, 8, 9], "kind": ["forest", "Żółć", "water"]}, geometry=SHAPES, crs=crs
    )


def written(folder, extension, gdf=None, name="rois"):
    """Write ROIs in one format and give the path."""
    gdf = frame() if gdf is None else gdf
    path = folder / f"{name}.{extension}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Shapefiles' short names
        if extension == "parquet":
            gdf.to_parquet(path)
        elif extension == "zip":
            shp = written(folder / "unpacked", "shp", gdf) if (folder / "unpacked").mkdir() is None else None
            with zipfile.ZipFile(path, "w") as archive:
                for part in shp.parent.glob("rois.*"):
                    archive.write(part, f"some folder/{part.name}")
        elif extension == "fgb":
            gdf.to_file(path, SPATIAL_INDEX="NO")  # which would reorder the features
        else:
            gdf.to_file(path, driver="GeoJSONSeq" if extension == "geojsonl" else None)
    return path


def geojson(path, *geometries, **members):
    """Write a feature collection of GeoJSON geometries, given as mappings or shapely."""
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"r{number}"},
            "geometry": shapely.geometry.mapping(g) if isinstance(g, shapely.Geometry) else g,
        }
        for number, g in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return path


def refused(source, **options):
    """The id of the error that reading ends in."""
    with pytest.raises(ROIError) as caught:
        read_rois(source, **options)
    return caught.value.id


def outcome_of(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", GeoroiWarning)
        try:
            return read_rois(path)
        except (ROIError, CRSError) as error:
            return error
