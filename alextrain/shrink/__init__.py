"""A trained network made smaller: eight-bit numbers, fewer kernels; measured, not promised."""
