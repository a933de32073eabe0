#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leat::detail::lmdb {

/// Where the tree of a table begins, and what its row says of it.
struct tree {
    std::uint64_t root = 0;
    std::uint64_t rows = 0;
    unsigned depth = 0;
    bool numbers = false;  ///< Its keys are u64, ordered as such; others are ordered byte by byte.
    bool known = true;     ///< It has no other flags.
};

/// The data.mdb of an LMDB environment that nobody writes, read without LMDB. LMDB trusts its pages: on
/// damaged ones it asserts, reads beyond its map, or gives back another row. Here each page, node and key is
/// checked before it is used, and what lies under a page that is damaged is told and left out.
///
/// Format: lmdb 0.9 (data version 1), the structures MDB_meta, MDB_page, MDB_node and MDB_db of its mdb.c.
/// For one thread.
class page_file {
public:
    using bytes = std::span<const std::byte>;
    /// Is given a sentence for each damage.
    using damage = std::function<void(const std::string&)>;
    /// Both spans are good until it returns.
    using visitor = std::function<void(bytes key, bytes value)>;
    /// Says from the beginning of a value how many bytes of it are wanted. The rest is then zeroes.
    using wanted = std::function<std::size_t(bytes beginning)>;

    /// Reads the two header pages, of the last two commits. The last one counts; the one before, which LMDB
    /// has not begun to write over, when the last one's header or table of tables is damaged. Either is told
    /// to `tell`.
    /// @throws leat::error: `store_unreadable` when there is no good header; `store_failed`
    page_file(const std::filesystem::path& file, const damage& tell);
    ~page_file();
    page_file(const page_file&) = delete;
    page_file& operator=(const page_file&) = delete;

    /// Nothing when there is no such table, or what leads to it is damaged. @throws leat::error
    /// (`store_failed`)
    [[nodiscard]] std::optional<tree> find(const std::string& table) const;
    [[nodiscard]] std::vector<std::string> tables() const;

    /// All rows of a table that can be reached, by key. @throws leat::error (`store_failed`), and what
    /// `visit` throws
    void each(const tree& table, const damage& tell, const visitor& visit, const wanted& how_much = {});

    /// Tells all damage of pages and keys, without a look at the values that have pages of their own. LMDB
    /// can be given a file of which it tells nothing. To be called first and alone.
    void check(const damage& tell);

    /// What no row of a table tells: the tables themselves, the list of free pages, and pages that two trees
    /// or a tree and the list both have. To be called after all tables have been gone through with `each`.
    void check_rest(const damage& tell);

    /// The rows of pages that are neither free nor in any tree that has been gone through: what was under
    /// damaged ones. Nothing when the list of free pages is damaged. The same conditions as for `check_rest`.
    void each_lost(const visitor& visit);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    struct header {
        tree free, main;
        std::uint64_t page_size = 0, last_page = 0, commit = 0;
    };
    struct walk;

    [[nodiscard]] std::optional<header> read_header(std::uint64_t at, const char** why) const;
    void read_tables();
    void read(std::uint64_t at, std::span<std::byte> to) const;
    [[nodiscard]] std::string read_page(std::uint64_t page, std::vector<std::byte>& to) const;
    [[nodiscard]] std::string check_nodes(bytes page, bool leaf) const;
    [[nodiscard]] std::string take_large(std::uint64_t page, std::size_t size);
    void read_large(std::uint64_t page, std::size_t size, std::vector<std::byte>& to,
                    const wanted& how_much) const;
    [[nodiscard]] bool take(std::uint64_t page, std::uint64_t n);
    void descend(walk& in, std::uint64_t page, unsigned depth, bytes from, bytes to);
    void visit_leaf(walk& in, std::uint64_t number, bytes page);

    int fd_ = -1;
    std::uint64_t size_ = 0;
    header header_;
    struct named {
        std::string name;
        tree at;
    };
    std::vector<named> tables_;
    std::vector<std::string> table_damages_;
    std::vector<bool> used_;  ///< By page: a tree or the list of free pages has it.
    bool free_known_ = false;
};

}  // namespace leat::detail::lmdb
