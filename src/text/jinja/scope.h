#pragma once

#include "text/jinja/ast.h"

namespace qbench::text::jinja {

/// Decides where every variable lives, as jinja2's compiler does (its idtracking.py): a name belongs to the frame that sets it or, unset,
/// is looked up among the variables when its frame opens; loops, macros, blocks with a body and {% with %} open frames, {% if %} does not.
/// What a frame only reads from an outer one it shares, what it also sets it copies when it opens. Loops and blocks live in their
/// function's slots, macros, callers and the tests of loops are functions of their own. Also checks what jinja2 checks while compiling:
/// unknown filters and tests outside an if, break and continue outside a loop, assignments to `loop`. Throws Fault with the line.
void resolve_variables(Program& program);

}  // namespace qbench::text::jinja
