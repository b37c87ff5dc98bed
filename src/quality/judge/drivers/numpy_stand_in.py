# The few names of numpy that EvalPlus's published tests use on plain Python values, so that a test needs no numpy.
import sys


class ndarray:
    """No value that comes from an answer is one."""


float32 = float64 = float


def allclose(value, expected, rtol=1e-05, atol=1e-08):
    if isinstance(value, (list, tuple)) or isinstance(expected, (list, tuple)):
        return (isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)) and len(value) == len(expected)
                and all(allclose(a, b, rtol, atol) for a, b in zip(value, expected)))
    if value == expected:
        return True
    return abs(value - expected) <= atol + rtol * abs(expected)


class testing:
    @staticmethod
    def assert_allclose(actual, desired, rtol=1e-07, atol=0):
        assert allclose(actual, desired, rtol, atol), "not equal to tolerance rtol=%g, atol=%g" % (rtol, atol)


sys.modules["numpy.testing"] = testing
