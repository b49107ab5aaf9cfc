"""Batches too big for one machine: pictures at URLs, developed by workers on a Ray cluster, with a manifest of what is done."""
