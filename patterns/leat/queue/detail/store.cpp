#include <leat/queue/detail/store.hpp>

namespace leat::detail::queueing {

void commit_batch::clear() {
    parts.clear();
    specials.clear();
    ids.clear();
    producers.clear();
    marks.clear();
    gone.clear();
    emptied.clear();
    rewritten.clear();
    touched.clear();
    letters.clear();
    doomed.clear();
    out.clear();
    changed = false;
}

}  // namespace leat::detail::queueing
