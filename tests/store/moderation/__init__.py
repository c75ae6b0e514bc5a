"""Decisions, the audit log, reports."""
