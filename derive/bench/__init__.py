"""Measurements: how long the functions of a layer take, and how exact they are, beside what people use today.

    module             input -> output

    shapes, data       Graph -> the extents to measure at; arrays that satisfy the layer's facts
    functions          Graph, Derivation -> the functions to measure: those of each target, and of the layer's baselines
    libraries          what is installed besides NumPy, and its arrays
    calls              functions, arrays -> contenders to be timed; what the functions return
    timing             contenders -> seconds, in turns
    worker             a contender in a process of its own, for what has to be set before a library is loaded
    traffic            Derivation, extents -> the bytes that have to move, whoever computes it
    speed              Graph -> the times, as data
    cases, reference   Graph -> data that are hard; their values in more digits
    accuracy           Graph -> the errors, as data
    report, machine    Graph -> both, and what they were measured on
    tables, record     such data -> text; files of it, and back

Measured, not counted: another machine has other numbers. Nothing is measured by `derive docs`.
"""
