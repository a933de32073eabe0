#include <leat/queue/detail/page_file.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/octets.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <system_error>
#include <utility>

namespace leat::detail::lmdb {
namespace {

using queueing::octet_reader;
using bytes = page_file::bytes;

// Of mdb.c.
constexpr std::uint16_t branch_page = 1, leaf_page = 2, large_page = 4, meta_page = 8;
constexpr std::uint16_t large_value = 1, table_value = 2;
constexpr std::uint16_t integer_keys = 8;
constexpr std::uint32_t magic = 0xBEEF'C0DE, data_version = 1;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::size_t page_head = 16, node_head = 8, table_size = 48, meta_size = 136;
constexpr unsigned deepest = 32;

[[noreturn]] void fail(const std::string& what, int why) {
    throw error{errc::store_failed, what + ": " + std::generic_category().message(why)};
}

template <class Number>
Number number_at(bytes from, std::size_t at) noexcept {
    return octet_reader{from.subspan(at)}.number<Number>();
}

tree read_tree(bytes row) noexcept {
    const auto flags = number_at<std::uint16_t>(row, 4);
    return {.root = number_at<std::uint64_t>(row, 40),
            .rows = number_at<std::uint64_t>(row, 32),
            .depth = number_at<std::uint16_t>(row, 6),
            .numbers = (flags & integer_keys) != 0,
            .known = (flags & ~integer_keys) == 0};
}

std::size_t nodes_of(bytes page) noexcept {
    return (number_at<std::uint16_t>(page, 12) - page_head) / 2;
}

/// A node of a page whose nodes have been checked.
struct node {
    std::uint64_t low = 0;  ///< The size of the value, or the page of a branch.
    std::uint16_t flags = 0;
    bytes key, rest;  ///< `rest`: the value, and what is behind it.
};

node node_at(bytes page, std::size_t i) noexcept {
    octet_reader in{page.subspan(number_at<std::uint16_t>(page, page_head + 2 * i))};
    node one;
    one.low = in.number<std::uint32_t>();
    one.flags = in.number<std::uint16_t>();
    one.key = in.bytes(in.number<std::uint16_t>());
    one.rest = in.rest();
    return one;
}

std::string page_name(std::uint64_t number) {
    return "page " + std::to_string(number);
}

}  // namespace

/// What a way through a tree has seen.
struct page_file::walk {
    const tree& of;
    const damage& tell;
    const visitor& visit;
    const wanted& how_much;
    std::uint64_t rows = 0;
    std::vector<std::byte> last = {},
                           value = {};  ///< The key before, and the value if it has pages of its own.
    bool whole = true;

    void damaged(const std::string& what) {
        whole = false;
        tell(what);
    }
    [[nodiscard]] bool before(bytes a, bytes b) const noexcept {
        if (of.numbers) return number_at<std::uint64_t>(a, 0) < number_at<std::uint64_t>(b, 0);
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
};

page_file::page_file(const std::filesystem::path& file, const damage& tell)
    : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat known {};
    if (fd_ < 0 || ::fstat(fd_, &known) != 0) {
        const auto why = errno;
        if (fd_ >= 0) ::close(fd_);
        fail(file.string(), why);
    }
    size_ = static_cast<std::uint64_t>(known.st_size);
    try {
        // The second header is one page behind the first, which may not say how large pages are.
        const char* why = nullptr;
        const auto first = read_header(0, &why);
        std::optional<header> second;
        if (first) {
            second = read_header(first->page_size, &why);
        } else {
            for (std::uint64_t at = 512; at <= 65536 && !second; at *= 2) second = read_header(at, &why);
        }
        if (second && first && second->page_size != first->page_size) second.reset();
        if (!first && !second) throw error{errc::store_unreadable, file.string() + ": " + why};
        if (!first) tell("header page 0 is damaged");
        if (!second) tell("header page 1 is damaged");
        const bool first_is_newer = !second || (first && first->commit > second->commit);
        header_ = first_is_newer ? *first : *second;
        read_tables();
        if (!table_damages_.empty() && first && second) {
            const auto newest =
                std::pair{std::exchange(header_, first_is_newer ? *second : *first), table_damages_};
            read_tables();
            if (table_damages_.empty()) {
                tell("the last commit cannot be read, and the one before is: " + newest.second.front());
            } else {
                header_ = newest.first;
                read_tables();
            }
        }
    } catch (...) {
        ::close(fd_);
        throw;
    }
}

void page_file::read_tables() {
    tables_.clear();
    table_damages_.clear();
    used_.assign(size_ / header_.page_size, false);
    for (std::size_t i = 0; i < std::min<std::size_t>(2, used_.size()); ++i) used_[i] = true;
    each(
        header_.main, [&](const std::string& what) { table_damages_.push_back(what); },
        [&](bytes key, bytes value) {
            const std::string name{reinterpret_cast<const char*>(key.data()), key.size()};
            if (value.size() == table_size) tables_.push_back({name, read_tree(value)});
        });
}

page_file::~page_file() {
    ::close(fd_);
}

std::optional<page_file::header> page_file::read_header(std::uint64_t at, const char** why) const {
    std::array<std::byte, page_head + meta_size> page{};
    *why = "it is no LMDB file";
    if (at + page.size() > size_) return {};
    read(at, page);
    const bytes all{page};
    if ((number_at<std::uint16_t>(all, 10) & meta_page) == 0 || number_at<std::uint32_t>(all, 16) != magic)
        return {};
    *why = "it is of another version of LMDB";
    if ((number_at<std::uint32_t>(all, 20) & 0xFFFF) != data_version) return {};
    *why = "its header is damaged";
    header made;
    made.page_size = number_at<std::uint32_t>(all, 40);
    made.free = read_tree(all.subspan(40));
    made.main = read_tree(all.subspan(88));
    made.last_page = number_at<std::uint64_t>(all, 136);
    made.commit = number_at<std::uint64_t>(all, 144);
    const bool sized =
        made.page_size >= 512 && made.page_size <= 65536 && std::has_single_bit(made.page_size);
    made.free.known = true;  // its flags hold some of the environment's as well (mm_flags)
    if (!made.free.numbers || made.main.numbers || !made.main.known) return {};
    if (!sized || (at != 0 && at != made.page_size) ||
        number_at<std::uint64_t>(all, 0) != at / made.page_size)
        return {};
    return made;
}

void page_file::read(std::uint64_t at, std::span<std::byte> to) const {
    while (!to.empty()) {
        const auto n = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("data.mdb", n < 0 ? errno : EIO);
        at += static_cast<std::uint64_t>(n);
        to = to.subspan(static_cast<std::size_t>(n));
    }
}

std::optional<tree> page_file::find(const std::string& table) const {
    const auto found =
        std::find_if(tables_.begin(), tables_.end(), [&](const named& one) { return one.name == table; });
    return found == tables_.end() ? std::nullopt : std::optional{found->at};
}

std::vector<std::string> page_file::tables() const {
    std::vector<std::string> names;
    for (const auto& one : tables_) names.push_back(one.name);
    return names;
}

bool page_file::take(std::uint64_t page, std::uint64_t n) {
    for (auto i = page; i < page + n; ++i) {
        if (used_[i]) return false;
    }
    for (auto i = page; i < page + n; ++i) used_[i] = true;
    return true;
}

/// Empty when it is a page of the trees, else what is wrong with it.
std::string page_file::read_page(std::uint64_t page, std::vector<std::byte>& to) const {
    if (page < 2 || page > header_.last_page) return page_name(page) + " cannot be";
    if (page >= used_.size()) return page_name(page) + " is beyond the end of the file";
    to.resize(header_.page_size);
    read(page * header_.page_size, to);
    if (number_at<std::uint64_t>(to, 0) != page) return page_name(page) + " is damaged";
    return {};
}

/// Empty when all nodes lie within the page, and fill what it says is filled.
std::string page_file::check_nodes(bytes page, bool leaf) const {
    const std::size_t lower = number_at<std::uint16_t>(page, 12), upper = number_at<std::uint16_t>(page, 14);
    if (number_at<std::uint16_t>(page, 10) != (leaf ? leaf_page : branch_page) || lower < page_head ||
        lower % 2 != 0 || upper < lower || upper > page.size())
        return " is damaged";
    std::size_t filled = 0;
    for (std::size_t i = 0; i < nodes_of(page); ++i) {
        const std::size_t at = number_at<std::uint16_t>(page, page_head + 2 * i);
        if (at < upper || at + node_head > page.size()) return " is damaged";
        const auto low = number_at<std::uint32_t>(page, at);
        const auto flags = number_at<std::uint16_t>(page, at + 4);
        std::size_t size = node_head + number_at<std::uint16_t>(page, at + 6);
        if (leaf && (flags & ~unsigned{large_value | table_value}) != 0) return " is damaged";
        if (leaf) size += (flags & large_value) != 0 ? 8 : low;
        if (at + size > page.size()) return " is damaged";
        filled += (size + 1) & ~std::size_t{1};
    }
    return filled == page.size() - upper ? "" : " is damaged";
}

/// A value with pages of its own: empty when these are good.
/// LMDB leaves a value the pages that it has when a shorter one takes its place within a transaction.
std::string page_file::take_large(std::uint64_t page, std::size_t size) {
    const auto least = (page_head + size - 1) / header_.page_size + 1;
    const auto cannot_be = [&](std::uint64_t n) {
        return page < 2 || page > header_.last_page || n > header_.last_page - page + 1;
    };
    if (cannot_be(least)) return page_name(page) + " cannot be";
    if (page + least > used_.size()) return page_name(page) + " is beyond the end of the file";
    std::array<std::byte, page_head> head{};
    read(page * header_.page_size, head);
    const auto n = number_at<std::uint32_t>(head, 12);
    if (number_at<std::uint64_t>(head, 0) != page || number_at<std::uint16_t>(head, 10) != large_page ||
        n < least || cannot_be(n) || page + n > used_.size())
        return page_name(page) + " is damaged";
    return take(page, n) ? "" : page_name(page) + " is used twice";
}

void page_file::read_large(std::uint64_t page, std::size_t size, std::vector<std::byte>& to,
                           const wanted& how_much) const {
    to.clear();
    to.resize(size);
    const auto from = page * header_.page_size + page_head;
    const auto first = how_much ? std::min<std::size_t>(size, header_.page_size - page_head) : size;
    read(from, std::span{to}.first(first));
    if (first == size) return;
    const auto until = std::clamp(how_much(std::span{to}.first(first)), first, size);
    read(from + first, std::span{to}.subspan(first, until - first));
}

void page_file::each(const tree& table, const damage& tell, const visitor& visit, const wanted& how_much) {
    walk in{table, tell, visit, how_much};
    if (!table.known) return tell("its flags are damaged");
    if (table.root == no_page) {
        if (table.rows != 0) tell("its root is lost");
        return;
    }
    if (table.depth == 0 || table.depth > deepest) return tell("its depth is damaged");
    descend(in, table.root, table.depth, {}, {});
    if (in.whole && in.rows != table.rows)
        tell("it has " + std::to_string(in.rows) + " rows, and says " + std::to_string(table.rows));
}

/// Keys under the page are at least `from` and below `to`, where these are not empty.
void page_file::descend(walk& in, std::uint64_t number, unsigned depth, bytes from, bytes to) {
    std::vector<std::byte> page;
    const bool leaf = depth == 1;
    auto why = read_page(number, page);
    if (why.empty()) {
        const auto nodes = check_nodes(page, leaf);
        const auto least = leaf ? 1 : 2;
        if (!nodes.empty() || nodes_of(page) < static_cast<std::size_t>(least))
            why = page_name(number) + (nodes.empty() ? " has too few rows" : nodes);
    }
    if (why.empty() && !take(number, 1)) why = page_name(number) + " is used twice";
    if (!why.empty()) return in.damaged(why + ", and what is under it is lost");
    const auto bad_key = [&](bytes key) {
        return (in.of.numbers && key.size() != 8) || key.empty() || (!from.empty() && in.before(key, from)) ||
               (!to.empty() && !in.before(key, to));
    };
    const auto n = nodes_of(page);
    for (std::size_t i = 0; i < n; ++i) {
        const auto one = node_at(page, i);
        if (leaf || i > 0) {
            const bool follows = i == (leaf ? 0U : 1U) || in.before(node_at(page, i - 1).key, one.key);
            if (bad_key(one.key) || !follows) {
                in.whole = false;
                used_[number] = false;
                return in.tell(page_name(number) + " has keys out of order, and what is under it is lost");
            }
        }
    }
    if (leaf) return visit_leaf(in, number, page);
    for (std::size_t i = 0; i < n; ++i) {
        const auto one = node_at(page, i);
        const auto below = one.low | std::uint64_t{one.flags} << 32;
        descend(in, below, depth - 1, i == 0 ? from : one.key, i + 1 < n ? node_at(page, i + 1).key : to);
    }
}

void page_file::visit_leaf(walk& in, std::uint64_t number, bytes page) {
    const bool main = &in.of == &header_.main;
    for (std::size_t i = 0; i < nodes_of(page); ++i) {
        const auto one = node_at(page, i);
        ++in.rows;
        if (((one.flags & table_value) != 0) != main) {
            in.damaged(page_name(number) + " has a row that does not belong there");
        } else if ((one.flags & large_value) == 0) {
            if (in.visit) in.visit(one.key, one.rest.first(one.low));
        } else {
            const auto at = number_at<std::uint64_t>(one.rest, 0);
            if (const auto why = take_large(at, one.low); !why.empty()) {
                in.damaged(why + ", and the row that it holds is lost");
            } else if (in.visit) {
                read_large(at, one.low, in.value, in.how_much);
                in.visit(one.key, in.value);
            }
        }
    }
}

void page_file::check(const damage& tell) {
    for (const auto& one : tables_) {
        each(one.at, [&](const std::string& what) { tell(one.name + ": " + what); }, {});
    }
    check_rest(tell);
}

void page_file::check_rest(const damage& tell) {
    for (const auto& one : table_damages_) tell("the tables: " + one);
    bool good = true;
    const auto in_list = [&](const std::string& what) {
        good = false;
        tell("the list of free pages: " + what);
    };
    std::vector<bool> free(used_.size());
    each(header_.free, in_list, [&](bytes, bytes value) {
        octet_reader in{value};
        const auto n = in.number<std::uint64_t>();
        auto before = no_page;
        // LMDB leaves room behind what it has written of a row.
        if (!in.has(n, 8)) return in_list("a row is damaged");
        for (std::uint64_t i = 0; i < n; ++i) {
            const auto page = in.number<std::uint64_t>();
            if (page < 2 || page > header_.last_page || page >= before) return in_list("a row is damaged");
            before = page;
            if (page >= free.size()) continue;
            if (free[page]) return in_list(page_name(page) + " is there twice");
            free[page] = true;
        }
    });
    for (std::size_t page = 0; page < used_.size(); ++page) {
        if (!free[page]) continue;
        if (used_[page]) in_list(page_name(page) + " is in use");
        used_[page] = true;
    }
    free_known_ = good;
}

void page_file::each_lost(const visitor& visit) {
    if (!free_known_) return;
    std::vector<std::byte> page, value;
    const auto pages = std::min<std::uint64_t>(used_.size(), header_.last_page + 1);
    for (std::uint64_t number = 2; number < pages; ++number) {
        if (used_[number] || !read_page(number, page).empty() || !check_nodes(page, true).empty()) continue;
        for (std::size_t i = 0; i < nodes_of(page); ++i) {
            const auto one = node_at(page, i);
            if (one.flags == 0) {
                visit(one.key, one.rest.first(one.low));
            } else if (const auto at = number_at<std::uint64_t>(one.rest, 0);
                       one.flags == large_value && take_large(at, one.low).empty()) {
                read_large(at, one.low, value, {});
                visit(one.key, value);
            }
        }
    }
}

}  // namespace leat::detail::lmdb
