#include <leat/queue/detail/store_tables.hpp>

#include <algorithm>

namespace leat::detail::queueing {

void store_changes::take(const commit_batch& batch) {
    bytes.clear();
    records.clear();
    refusable = false;
    emptied = batch.emptied;
    std::sort(emptied.begin(), emptied.end());
    auto specials = batch.specials;
    const auto by_seq = [](const special& a, const special& b) {
        return a.at.rec->seq(a.at.i) < b.at.rec->seq(b.at.i);
    };
    if (!std::is_sorted(specials.begin(), specials.end(), by_seq))
        std::sort(specials.begin(), specials.end(), by_seq);
    auto next = specials.cbegin();
    for (const auto& part : batch.parts) {
        const auto& rec = *part.rec;
        const auto number = rec.number();
        refusable = refusable || !part.carry;
        if (!records.empty() && records.back().number == number) continue;  // in several parts
        const auto first = next = std::find_if(next, specials.cend(), [&](const special& one) {
            return one.at.rec->seq(one.at.i) >= rec.seq(0);
        });
        next = std::find_if(next, specials.cend(), [&](const special& one) { return one.at.rec != &rec; });
        if (std::binary_search(emptied.begin(), emptied.end(), number)) continue;
        const auto begin = bytes.size();
        encode_record(bytes, rec, {first, next});
        records.push_back({number, begin, bytes.size()});
    }
    gone = batch.gone;
    rewritten = batch.rewritten;
    out = batch.out;
    touched = batch.touched;
    letters = batch.letters;
    doomed = batch.doomed;
    producers = batch.producers;
    marks = batch.marks;
    ids = batch.ids;
    state = {batch.counts, batch.qt, batch.next_seq, batch.takes_paused, batch.puts_paused};
}

}  // namespace leat::detail::queueing
