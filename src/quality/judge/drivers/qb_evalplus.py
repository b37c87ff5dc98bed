# The oracle of EvalPlus: the reference computes what is expected, and these rules say what equals it (evalplus, Apache-2.0: its published
# formats, tasks whose inputs JSON cannot hold, and tasks with an oracle of their own).
import copy
import json

_SETS = {"similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array", "find_dissimilar", "Diff"}
_NOT_NONE = {"check_str", "text_match_three", "text_starta_endb"}
_TUPLES = {2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809}
_LISTS_OF_TUPLES = {63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780}
_FIRST_LIST_OF_TUPLES = {75, 413, 444, 753}
_FIRST_TUPLE = {250, 405, 446, 617, 720, 763, 808}
_TUPLES_OF_TUPLES = {259, 401, 445}


def _deep_tuple(value):
    return tuple(_deep_tuple(item) for item in value) if isinstance(value, list) else value


def mbpp_arguments(number, args):
    """The arguments as the task means them: JSON has lists where it has tuples, sets and complex numbers."""
    if number in _TUPLES:
        return [tuple(item) for item in args]
    if number in _LISTS_OF_TUPLES:
        return [[tuple(item) for item in arg] for arg in args]
    if number in _FIRST_LIST_OF_TUPLES:
        return [[tuple(item) for item in args[0]], args[1]]
    if number in (106, 750):
        return [args[0], tuple(args[1])]
    if number == 115:
        return [[set(item) if isinstance(item, list) and item else {} for item in args[0]]]
    if number == 124:
        return [float(args[0]), complex(args[1])]
    if number in _FIRST_TUPLE:
        return [tuple(args[0]), args[1]]
    if number in _TUPLES_OF_TUPLES:
        return [tuple(tuple(item) for item in arg) for arg in args]
    if number == 278:
        return [tuple(tuple(item) if isinstance(item, list) else item for item in args[0])]
    if number == 307:
        return [tuple(args[0]), args[1], args[2]]
    if number == 722:
        return [{key: tuple(item) for key, item in args[0].items()}] + args[1:]
    if number == 252:
        return [complex(args[0])]
    if number in (580, 615, 791):
        return [_deep_tuple(arg) for arg in args]
    return args


def is_found(value):
    """What a search found, said by True and False or by a match and None."""
    return value if isinstance(value, bool) else value is not None


def is_floats(value):
    if isinstance(value, float):
        return True
    return isinstance(value, (list, tuple)) and all(isinstance(item, float) for item in value)


def is_close(value, expected, tolerance):
    if isinstance(expected, (list, tuple)):
        return type(value) is type(expected) and len(value) == len(expected) and all(is_close(a, b, tolerance) for a, b in zip(value, expected))
    if isinstance(expected, dict):
        return isinstance(value, dict) and value.keys() == expected.keys() and all(is_close(value[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, (int, float)) and isinstance(value, (int, float)):
        if value == expected or (value != value and expected != expected):
            return True
        return abs(value - expected) <= tolerance + 1e-7 * abs(expected)
    return value == expected


def equals(entry, value, expected, args, tolerance, is_mbpp):
    if is_mbpp:
        if entry == "are_equivalent" and value == True:
            return True
        if entry == "sum_div" and value == 0:
            return True
        if entry in _SETS:
            return set(value) == set(expected)
        if entry in _NOT_NONE:
            return is_found(value) == is_found(expected)
    elif entry == "find_zero":
        return abs(sum(coefficient * value**power for power, coefficient in enumerate(args[0]))) <= tolerance
    if value == expected:
        return True
    if tolerance == 0 and is_floats(expected):
        tolerance = 1e-6
    return tolerance != 0 and type(value) is type(expected) and is_close(value, expected, tolerance)


def check_record(candidate, line, reference):
    """Calls the candidate and the reference (source that defines the entry point) with each input of the record, a line of EvalPlus' files."""
    record = json.loads(line)
    entry, tolerance = record["entry_point"], record.get("atol") or 0
    is_mbpp = isinstance(record["task_id"], int) or record["task_id"].lower().startswith("mbpp")
    number = int(str(record["task_id"]).split("/")[-1])
    space = {"__name__": "reference"}
    exec(compile(reference, "reference.py", "exec", 0, True), space)
    for index, args in enumerate(record["base_input"] + (record.get("plus_input") or [])):
        if is_mbpp:
            args = mbpp_arguments(number, args)
        expected = space[entry](*copy.deepcopy(args))
        value = candidate(*copy.deepcopy(args))
        assert equals(entry, value, expected, args, tolerance, is_mbpp), "input %d: %s(%s): expected %s, got %s" % (
            index, entry, ", ".join(map(repr, args))[:200], repr(expected)[:200], repr(value)[:200])
