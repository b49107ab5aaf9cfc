"""Making stocks: fit a model stock to a colour table, a LUT or photographs."""

from filmlook.fitting.stock_file import make_stock

__all__ = ["make_stock"]
