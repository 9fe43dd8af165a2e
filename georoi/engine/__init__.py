"""The engine: lazy arrays, ordered streams, progress and clusters; nobody else imports dask."""
