"""Printing: one module for each medium, and what they share. Printers show steps; they do no mathematics."""
