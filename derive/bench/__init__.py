"""Measurements: how long the functions of a layer take, and how exact they are, beside what people use today.

    module          input -> output

    shapes          Graph -> the extents to measure at
    data            Graph, extents, dtype -> arrays that satisfy the layer's facts
    functions       Derivations -> the functions to measure: those of each target, and of a baseline
    libraries       what is installed besides NumPy, and its arrays
    traffic         Derivation, extents -> the bytes that have to move, whoever computes it
    timing          contenders -> seconds, in turns
    worker          a contender in a process of its own, for what has to be set before a library is loaded
    speed           Graph -> the tables of times, as data
    reference       Graph, arrays -> values in more digits
    cases, accuracy Graph -> the tables of errors, as data
    tables          such data -> text

Measured, not counted: another machine has other numbers. Nothing here is run by `derive docs`.
"""
