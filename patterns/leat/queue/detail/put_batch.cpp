#include <leat/queue/detail/put_batch.hpp>

#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/id_octets.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

const char* chars(const std::vector<std::byte>& octets) {
    return reinterpret_cast<const char*>(octets.data());
}

}  // namespace

void put_batch::add(again_put&& one) {
    const auto index = static_cast<std::uint32_t>(messages());
    open.write(chars(one.body), one.body.size());
    frame.sizes.push_back(static_cast<std::uint32_t>(one.body.size()));
    if (!one.head.empty()) {
        const auto begin = heads.size();
        heads.write(chars(one.head), one.head.size());
        specials.push_back({index, begin, one.head.size(), one.put_at, one.ttl});
    }
    if (one.mark) marks.emplace_back(index, *one.mark);
    if (one.waiter.any()) waiters.emplace_back(index, std::move(one.waiter));
}

std::size_t put_batch::largest() const noexcept {
    std::size_t most = 0;
    auto with = specials.begin();
    for (std::size_t i = 0; i < messages(); ++i) {
        std::size_t size = frame.sizes[i];
        if (with != specials.end() && with->index == i) size += (with++)->size;
        most = std::max(most, size);
    }
    return most;
}

void put_batch::seal() {
    const auto size = open.size();
    if (size < open.capacity() / 2) {
        body = message{open.view()};
        open.clear();
    } else {
        body = message::adopt(open.release(), size);
    }
}

void put_batch::make_frame(std::uint64_t floor) {
    frame.first = first;
    frame.floor = std::min(floor, first);
    frame.special.clear();
    for (const auto& one : specials) {
        wire::put_special with;
        with.index = one.index;
        with.head = {reinterpret_cast<const char*>(heads.view().data() + one.begin),
                     static_cast<std::uint32_t>(one.size)};
        if (one.ttl)
            with.waited =
                ms_of(std::chrono::floor<std::chrono::milliseconds>(deadline::clock::now() - one.put_at));
        frame.special.push_back(with);
    }
    make_marks();
}

/// Most have one source, and floors only grow.
void put_batch::make_marks() {
    frame.sources.clear();
    frame.marks.clear();
    for (const auto& [index, mark] : marks) {
        const auto& from = mark.from;
        auto source = std::find_if(frame.sources.begin(), frame.sources.end(), [&](const auto& one) {
            return one.salt == from.salt && id_of(one.queue) == from.queue;
        });
        if (source == frame.sources.end()) {
            wire::mark_source made;
            made.queue = octets_of(from.queue);
            made.salt = from.salt;
            source = frame.sources.insert(frame.sources.end(), std::move(made));
        }
        source->floor = std::max(source->floor, mark.floor);
        wire::mark one;
        one.index = index;
        one.source = static_cast<std::uint32_t>(source - frame.sources.begin());
        one.seq = from.seq;
        frame.marks.push_back(one);
    }
}

std::vector<again_put> put_batch::take(std::uint32_t from, std::uint32_t to) {
    std::vector<again_put> all(to - from + 1);
    std::size_t at = 0;
    for (std::uint32_t i = 0; i <= to; ++i) {
        const auto one = body.view().subspan(at, frame.sizes[i]);
        at += frame.sizes[i];
        if (i >= from) all[i - from].body.assign(one.begin(), one.end());
    }
    for (const auto& one : specials) {
        if (one.index < from || one.index > to) continue;
        auto& with = all[one.index - from];
        const auto head = heads.view().subspan(one.begin, one.size);
        with.head.assign(head.begin(), head.end());
        with.ttl = one.ttl;
        with.put_at = one.put_at;
    }
    for (const auto& [index, mark] : marks) {
        if (index >= from && index <= to) all[index - from].mark = mark;
    }
    for (auto& [index, waiter] : waiters) {
        if (index >= from && index <= to) all[index - from].waiter = std::move(waiter);
    }
    return all;
}

void put_batch::clear() {
    first = 0;
    open.clear();
    body = message{};
    frame.sizes.clear();
    frame.special.clear();
    specials.clear();
    heads.clear();
    waiters.clear();
    marks.clear();
    frame.sources.clear();
    frame.marks.clear();
}

}  // namespace leat::detail
