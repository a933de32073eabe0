#pragma once

#include <leat/deadline.hpp>

namespace leat::detail {

/// Waits on `changed` until `over()`, at most until the deadline; returns what `over()` is then. A condition
/// variable that takes a stop token may be given one.
template <class Condition, class Lock, class Over, class... Stop>
bool wait(Condition& changed, Lock& held, deadline until, Over over, const Stop&... stop) {
    if (until.is_now()) return over();
    if (until.is_never()) {
        changed.wait(held, stop..., over);
        return over();
    }
    return changed.wait_until(held, stop..., until.at(), over);
}

}  // namespace leat::detail
