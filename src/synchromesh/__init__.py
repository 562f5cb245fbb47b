"""Synchromesh: a verifiable options venue."""

from synchromesh._native import OrderBook

__all__ = ["OrderBook"]
