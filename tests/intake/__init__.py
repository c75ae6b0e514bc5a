"""Tests of the HTTP intake."""
