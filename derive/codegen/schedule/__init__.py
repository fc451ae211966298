"""Equations as loops: what is reduced in which pass over the arrays, what is fused, what is kept.

    Input    equations in an order in which they can be computed, and what is known before
    Output   a Schedule: stages, each a tree of loops, that loops.py and c.py print

statements.py  equations taken apart into maps and reductions
shared_axes.py their indices as loops that they share
moments.py     a mean and a variance about it in one pass, about a shift
affine.py      what a column scales, scaled once a column
hoist.py       what does not depend on every loop, taken out of the inner one
recompute.py   what forward saves, and what backward computes again
order.py       in which order the loops stand
nest.py        which statements share a pass over an axis, and which wait for the next: the loops; nodes.py their parts
plan.py        a function as a plan: its stages, and the arrays that they need
"""
