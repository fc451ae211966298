"""Equations as loops: what is reduced in which pass over the arrays, what is fused, what is kept.

    Input    equations in an order in which they can be computed, and what is known before
    Output   a Schedule: stages, each a tree of loops, that loops.py and c.py print

statements.py  equations taken apart into maps and reductions over loop axes
moments.py     a mean and a variance about it in one pass, about a shift
hoist.py       what does not depend on every loop, taken out of the inner one
passes.py      which statements share a pass over an axis, and which have to wait for the next
nest.py        the loops themselves
"""
