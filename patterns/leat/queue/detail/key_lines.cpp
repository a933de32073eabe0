#include <leat/queue/detail/key_lines.hpp>

#include <algorithm>

namespace leat::detail::queueing {

std::uint32_t key_lines::of(const id128& key) {
    if (table_.size() < 2 * (lines_.used() + 1)) grow();
    const auto mask = table_.size() - 1;
    auto i = home(key);
    for (; table_[i] != none; i = (i + 1) & mask) {
        if (lines_[table_[i]].key == key) return table_[i];
    }
    const auto made = lines_.take();
    lines_[made].key = key;
    return table_[i] = made;
}

void key_lines::drop_if_idle(std::uint32_t line) {
    auto& gone = lines_[line];
    if (gone.head != none || gone.live > 0 || gone.delayed > 0) return;
    const auto mask = table_.size() - 1;
    auto hole = home(gone.key);
    while (table_[hole] != line) hole = (hole + 1) & mask;
    for (auto i = (hole + 1) & mask; table_[i] != none; i = (i + 1) & mask) {
        if (((i - home(lines_[table_[i]].key)) & mask) < ((i - hole) & mask)) continue;
        table_[hole] = table_[i];
        hole = i;
    }
    table_[hole] = none;
    lines_.give_back(line);
}

void key_lines::grow() {
    std::vector<std::uint32_t> old(std::max<std::size_t>(64, table_.size() * 2), none);
    old.swap(table_);
    for (const auto line : old) {
        if (line == none) continue;
        auto i = home(lines_[line].key);
        while (table_[i] != none) i = (i + 1) & (table_.size() - 1);
        table_[i] = line;
    }
}

std::size_t key_lines::memory() const noexcept {
    std::size_t sum = lines_.bytes() + table_.capacity() * sizeof(table_[0]);
    first(lines_.used(), [&](const key_line& one) { sum += one.waiting.bytes(); });
    return sum;
}

}  // namespace leat::detail::queueing
