"""Stages: callable classes that map rows to rows and know neither files nor engines."""
