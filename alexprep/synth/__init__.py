"""A raw set of drawn pictures that looks like ImageNet on the disk and can be learnt.

No photograph is needed for the demo, the tests and the benchmarks: outline and texture of the
figure carry the class, everything else (colours, place, size, turn, clutter) is random.
"""
