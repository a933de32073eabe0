#include <leat/queue/detail/journal.hpp>

#include <leat/queue/detail/checksum.hpp>
#include <leat/queue/detail/octets.hpp>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>

namespace leat::detail::queueing {
namespace {

using bytes = std::span<const std::byte>;

constexpr std::uint64_t magic = 0x6C6E'726A'7461'656C;  // "leatjrnl"
constexpr std::uint64_t page = 4096;
constexpr std::size_t head_size = 56, row_head = 7;
constexpr std::size_t apart = 2048;  // a value of so many bytes is written from where it is
constexpr std::size_t step = 1 << 20;
constexpr std::uint64_t most_read = 256 << 20;  // bytes of a file that may be anything
constexpr std::uint32_t erased = ~std::uint32_t{0};

std::uint64_t padded(std::uint64_t size) noexcept {
    return (size + page - 1) / page * page;
}

std::uint64_t size_of(std::span<const row_change> rows) noexcept {
    auto size = std::uint64_t{head_size};
    for (const auto& one : rows)
        size += row_head + one.key.size() + (one.value ? one.value->size() : std::size_t{0});
    return padded(size);
}

bool is_apart(const row_change& one) noexcept {
    return one.value && one.value->size() >= apart;
}

/// Writes all of it, in as many calls as that takes.
void write_all(int fd, std::vector<iovec>& parts, std::uint64_t at) {
    std::span<iovec> left{parts};
    while (!left.empty()) {
        const auto n = static_cast<int>(std::min<std::size_t>(left.size(), IOV_MAX));
        const auto written = ::pwritev(fd, left.data(), n, static_cast<off_t>(at));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw journal::failure{"pwritev", errno};
        if (written == 0) throw journal::failure{"pwritev", ENOSPC};
        at += static_cast<std::uint64_t>(written);
        auto done = static_cast<std::size_t>(written);
        while (!left.empty() && done >= left.front().iov_len) {
            done -= left.front().iov_len;
            left = left.subspan(1);
        }
        if (left.empty()) break;
        left.front().iov_base = static_cast<std::byte*>(left.front().iov_base) + done;
        left.front().iov_len -= done;
    }
}

void read_all(int fd, std::uint64_t at, std::span<std::byte> to) {
    while (!to.empty()) {
        const auto n = ::pread(fd, to.data(), to.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw journal::failure{"pread", n < 0 ? errno : EIO};
        at += static_cast<std::uint64_t>(n);
        to = to.subspan(static_cast<std::size_t>(n));
    }
}

iovec part_of(bytes some) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is only read
    return {const_cast<std::byte*>(some.data()), some.size()};
}

struct closed_at_end {
    const int fd;
    ~closed_at_end() { ::close(fd); }
};

/// The entries of a file, each looked at before it is believed.
class journal_file {
public:
    journal_file(int fd, std::optional<id128> queue) : fd_(fd), queue_(queue) {
        const auto size = ::lseek(fd, 0, SEEK_END);
        if (size < 0) throw journal::failure{"lseek", errno};
        size_ = std::min(static_cast<std::uint64_t>(size), most_read);
    }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    struct entry {
        std::uint64_t commit = 0, size = 0;
    };
    /// What begins there, when it says so itself. What it has is not known to be good.
    std::optional<entry> look(std::uint64_t at) {
        if (at + head_size > size_) return {};
        std::array<std::byte, head_size> head{};
        read_all(fd_, at, head);
        octet_reader in{bytes{head}.subspan(8)};
        if (in.number<std::uint64_t>() != magic) return {};
        const auto queue = in.id();
        if (queue_.value_or(queue) != queue) return {};
        queue_ = queue;
        entry one;
        one.commit = in.number<std::uint64_t>();
        one.size = in.number<std::uint64_t>();
        if (one.size < head_size || one.size > size_ - at) return {};
        return one;
    }

    /// Its rows, when all of it is as it was written; they are good until the next call.
    std::optional<std::span<const row_change>> rows(std::uint64_t at, const entry& of) {
        buffer_.resize(of.size);
        read_all(fd_, at, buffer_);
        rows_.clear();
        const bytes all{buffer_};
        octet_reader head{all};
        const auto sum = head.number<std::uint64_t>();
        static_cast<void>(head.bytes(head_size - 16));
        const auto front = head.number<std::uint32_t>();
        const auto n = head.number<std::uint32_t>();
        if (front < head_size || front > all.size()) return {};
        sums_.assign(1, checksum(all.first(front).subspan(8)));
        octet_reader index{all.first(front).subspan(head_size)}, values{all.subspan(front)};
        for (std::uint32_t i = 0; i < n; ++i) {
            row_change one{.table = index.number<std::uint8_t>()};
            const auto key = index.number<std::uint16_t>();
            const auto size = index.number<std::uint32_t>();
            one.key = index.bytes(key);
            if (size != erased) one.value = (size >= apart ? values : index).bytes(size);
            if (!index.good() || !values.good()) return {};
            if (is_apart(one)) sums_.push_back(checksum(*one.value));
            rows_.push_back(one);
        }
        if (!index.ended() || !values.ended() || checksum(std::as_bytes(std::span{sums_})) != sum) return {};
        return rows_;
    }

private:
    int fd_;
    std::optional<id128> queue_;
    std::uint64_t size_ = 0;
    std::vector<std::byte> buffer_;
    std::vector<row_change> rows_;
    std::vector<std::uint64_t> sums_;
};

/// A commit was synced before the next one was written: one behind a gap says that what is missing was there.
bool goes_on(journal_file& in, std::uint64_t at, std::uint64_t last) {
    for (; at < in.size(); at += page) {
        const auto entry = in.look(at);
        if (entry && entry->commit > last + 1 && in.rows(at, *entry)) return true;
    }
    return false;
}

}  // namespace

journal::failure::failure(const char* call, int error)
    : std::runtime_error(std::string{call} + " of the journal: " + std::generic_category().message(error)) {}

void journal::open(const id128& queue) {
    close();
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw failure{"open", errno};
    queue_ = queue;
    at_ = 0;
    fill();
}

/// A sync is faster when the file neither grows nor gets blocks with it. On a full disk it does.
void journal::fill() {
    const auto size = ::lseek(fd_, 0, SEEK_END);
    if (size < 0) throw failure{"lseek", errno};
    const std::vector<std::byte> zeroes(step);
    for (auto at = static_cast<std::uint64_t>(size); at < most_;) {
        const auto n = std::min<std::uint64_t>(most_ - at, step);
        const auto written = ::pwrite(fd_, zeroes.data(), n, static_cast<off_t>(at));
        if (written <= 0) break;
        at += static_cast<std::uint64_t>(written);
    }
    if (::fdatasync(fd_) != 0) throw failure{"fdatasync", errno};
}

void journal::close() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

bool journal::has_room(std::span<const row_change> rows) const noexcept {
    return size_of(rows) <= most_ - at_;
}

void journal::append(std::uint64_t commit, std::span<const row_change> rows,
                     std::vector<journal_place>& where) {
    static constexpr std::array<std::byte, page> zeroes{};
    front_.clear();
    sums_.assign(1, 0);
    where.clear();
    octet_writer out{front_};
    out.number(std::uint64_t{0});
    out.number(magic);
    out.id(queue_);
    out.number(commit);
    const auto sizes = front_.size();
    out.number(std::uint64_t{0});
    out.number(std::uint32_t{0});
    out.number(static_cast<std::uint32_t>(rows.size()));
    std::vector<iovec> parts(1);
    std::uint64_t behind = 0;
    for (const auto& one : rows) {
        const auto size = one.value ? static_cast<std::uint32_t>(one.value->size()) : erased;
        out.number(one.table);
        out.number(static_cast<std::uint16_t>(one.key.size()));
        out.number(size);
        out.bytes(one.key);
        if (is_apart(one)) {
            where.push_back({behind, size});
            behind += size;
            parts.push_back(part_of(*one.value));
            sums_.push_back(checksum(*one.value));
        } else {
            where.push_back({front_.size(), one.value ? size : 0});
            if (one.value) out.bytes(*one.value);
        }
    }
    const std::uint64_t size = front_.size() + behind;
    const auto front_size = static_cast<std::uint32_t>(front_.size());
    std::memcpy(front_.data() + sizes, &size, sizeof size);
    std::memcpy(front_.data() + sizes + sizeof size, &front_size, sizeof front_size);
    sums_.front() = checksum(bytes{front_}.subspan(8));
    const auto sum = checksum(std::as_bytes(std::span{sums_}));
    std::memcpy(front_.data(), &sum, sizeof sum);
    for (std::size_t i = 0; i < rows.size(); ++i) where[i].at += at_ + (is_apart(rows[i]) ? front_size : 0);

    parts.front() = part_of(front_);
    parts.push_back(part_of(bytes{zeroes}.first(padded(size) - size)));
    write_all(fd_, parts, at_);
    if (::fdatasync(fd_) != 0) throw failure{"fdatasync", errno};
    at_ += padded(size);
}

void journal::read(const journal_place& from, std::span<std::byte> to) const {
    read_all(fd_, from.at, to);
}

journal_reading read_journal(const std::filesystem::path& file, std::optional<id128> queue,
                             std::uint64_t after, const std::function<void(const row_change&)>& visit) {
    journal_reading all{.last = after};
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return all;
        throw journal::failure{"open", errno};
    }
    const closed_at_end closes{fd};
    journal_file in{fd, queue};
    std::uint64_t at = 0, expected = 0;
    while (const auto entry = in.look(at)) {
        const bool follows = expected == 0 ? entry->commit <= after + 1 : entry->commit == expected;
        if (!follows) break;
        if (entry->commit > after || expected == 0) {
            const auto rows = in.rows(at, *entry);
            if (!rows) break;
            if (entry->commit > after) {
                for (const auto& one : *rows) visit(one);
                all.last = entry->commit;
            }
        }
        expected = entry->commit + 1;
        at += padded(entry->size);
    }
    if (goes_on(in, at, all.last))
        all.damage = "the journal is damaged behind commit " + std::to_string(all.last);
    return all;
}

}  // namespace leat::detail::queueing
