"""The demo: a small piece of work from imagery to a picture, with the package's own regions of interest."""

from georoi.demo.making import Demo, make_demo

__all__ = ["Demo", "make_demo"]
