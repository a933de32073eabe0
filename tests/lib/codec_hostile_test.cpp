#include <leat/codec.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <malloc.h>

// Every block that this binary's C++ takes and gives back is counted, for the thread that does it.

namespace {

thread_local std::ptrdiff_t live_bytes = 0;
thread_local std::ptrdiff_t peak_bytes = 0;

void* counted(std::size_t size, std::size_t alignment) {
    void* block = alignment == 0
                      ? std::malloc(size == 0 ? 1 : size)
                      : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block == nullptr) throw std::bad_alloc{};
    live_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(block));
    peak_bytes = std::max(peak_bytes, live_bytes);
    return block;
}

void uncounted(void* block) noexcept {
    if (block != nullptr) live_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(block));
    std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::size_t) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
    uncounted(block);
}

/// Converted by an adaptor that stands outside, so through msgpack-cxx's objects.
struct hostile_point {
    int x = 0;
    int y = 0;
};

template <>
struct msgpack::adaptor::convert<hostile_point> {
    const msgpack::object& operator()(const msgpack::object& from, hostile_point& to) const {
        if (from.type != msgpack::type::ARRAY || from.via.array.size != 2) throw msgpack::type_error{};
        to = {from.via.array.ptr[0].as<int>(), from.via.array.ptr[1].as<int>()};
        return from;
    }
};
template <>
struct msgpack::adaptor::pack<hostile_point> {
    template <class Stream>
    msgpack::packer<Stream>& operator()(msgpack::packer<Stream>& to, const hostile_point& from) const {
        return to.pack_array(2).pack(from.x).pack(from.y);
    }
};

namespace {

using leat::decode_error;

/// Peak memory of one frame's decoding: these many bytes for each byte of the frame, and these beside.
///
/// The largest element here that one byte of a frame can stand for is a struct of 64 bytes; a vector of them
/// that grows has the old and the new block for a moment.
constexpr std::ptrdiff_t bytes_for_each = 100;
constexpr std::ptrdiff_t bytes_beside = 1'024;

struct small_array {
    std::uint64_t id = 1;
    std::string name;
    std::optional<double> ratio;
    MSGPACK_DEFINE(id, name, ratio)
};
struct small_map {
    std::uint32_t id = 1;
    std::string name = "n";
    std::vector<std::int16_t> list;
    MSGPACK_DEFINE_MAP(id, name, list)
};
struct recursive {
    int value = 0;
    std::vector<recursive> children;
    std::unique_ptr<recursive> next;
    MSGPACK_DEFINE_MAP(value, children, next)
};
struct views {
    std::string_view text;
    msgpack::type::raw_ref raw;
    std::array<char, 6> code{};
    char letters[5] = {};
    int numbers[2] = {};
    MSGPACK_DEFINE_MAP(text, raw, code, letters, numbers)
};
struct converted {
    hostile_point point;
    std::vector<hostile_point> points;
    msgpack::object any;
    msgpack::type::ext extension;
    MSGPACK_DEFINE(point, points, any, extension)
};
/// Hand-written, and leaves the rest to msgpack-cxx's own converters of tuples, lists and arrays.
struct by_hand {
    int numbers[3] = {};
    std::list<std::vector<int>> lists;

    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        packer.pack_array(2);
        packer.pack(numbers);
        packer.pack(lists);
    }
    void msgpack_unpack(const msgpack::object& from) {
        if (from.type != msgpack::type::ARRAY || from.via.array.size != 2) throw msgpack::type_error{};
        from.via.array.ptr[0].convert(numbers);
        from.via.array.ptr[1].convert(lists);
    }
};

std::uint64_t chosen_seed() {
    const char* const text = std::getenv("LEAT_SEED");
    return text == nullptr ? 20240607 : std::strtoull(text, nullptr, 10);
}

class frames {
public:
    explicit frames(std::uint64_t seed) : engine_(seed) {
        keep(small_array{5, "name", 0.5});
        keep(small_map{5, "a longer name than fits in a small string", {1, -2, 300}});
        recursive tree;
        tree.children.resize(3);
        tree.children[1].children.resize(2);
        tree.next = std::make_unique<recursive>();
        keep(tree);
        views seen;
        seen.text = "text";
        seen.raw = {"raw", 3};
        keep(seen);
        converted far;
        far.points.resize(3);
        far.extension = {3, "extension", 9};
        keep(far);
        by_hand manual;
        manual.lists = {{1, 2}, {}, {3}};
        keep(manual);
        keep(std::vector<std::vector<std::vector<std::string>>>{{{"a", "b"}, {}}, {{"c"}}});
        keep(std::map<std::string, std::unordered_map<int, std::set<std::string>>>{
            {"one", {{1, {"x", "y"}}}}});
        keep(std::tuple{1, 0.5, std::pair{std::string{"p"}, std::vector<bool>{true, false}}});
        keep(std::vector<small_map>(5));
    }

    std::vector<std::byte> next() {
        std::vector<std::byte> frame;
        if (upto(3) == 0) {
            for (auto left = upto(upto(9) == 0 ? 2'000 : 40) + 1; left != 0; --left) frame.push_back(octet());
            return frame;
        }
        for (auto objects = upto(2) + 1; objects != 0; --objects) {
            const auto& kept = kept_[upto(kept_.size() - 1)];
            frame.insert(frame.end(), kept.begin(), kept.end());
        }
        for (auto changes = upto(4); changes != 0; --changes) change(frame);
        return frame;
    }

private:
    template <class Value>
    void keep(const Value& value) {
        leat::buffer out;
        leat::encode(value, out);
        kept_.emplace_back(out.view().begin(), out.view().end());
    }

    std::size_t upto(std::size_t most) { return engine_() % (most + 1); }

    /// Any byte, but more of the heads of containers and of long lengths.
    std::byte octet() {
        static constexpr std::array<int, 14> heads = {0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0xc4,
                                                      0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xc7, 0xa3};
        if (upto(2) == 0) return static_cast<std::byte>(heads[upto(heads.size() - 1)]);
        return static_cast<std::byte>(upto(255));
    }

    void change(std::vector<std::byte>& frame) {
        if (frame.empty()) return;
        const auto at = frame.begin() + static_cast<std::ptrdiff_t>(upto(frame.size() - 1));
        switch (upto(5)) {
            case 0:
                *at = octet();
                break;
            case 1:
                *at ^= static_cast<std::byte>(1U << upto(7));
                break;
            case 2:
                frame.insert(at, octet());
                break;
            case 3:
                frame.erase(at);
                break;
            case 4:
                frame.erase(at, frame.end());
                break;
            default: {
                const auto other = frame.begin() + static_cast<std::ptrdiff_t>(upto(frame.size() - 1));
                std::iter_swap(at, other);
            }
        }
    }

    std::mt19937_64 engine_;
    std::vector<std::vector<std::byte>> kept_;
};

struct outcome {
    std::size_t accepted = 0;
    std::size_t refused = 0;
};

/// Decodes all of `frame`, from a copy that ends where its memory ends.
template <class Value>
void decode_all(std::span<const std::byte> frame, outcome& seen) {
    const auto exact = std::make_unique<std::byte[]>(frame.size());
    std::copy(frame.begin(), frame.end(), exact.get());
    const std::span<const std::byte> bytes{exact.get(), frame.size()};
    const auto before = peak_bytes = live_bytes;
    std::ptrdiff_t peak = 0;
    decode_error error{};
    std::size_t offset = 0;
    {
        Value out{};
        leat::decoder<Value> objects{bytes};
        while (objects.next(out)) ++seen.accepted;
        error = objects.error();
        offset = objects.offset();
        peak = peak_bytes - before;
    }
    if (error != decode_error::none) ++seen.refused;
    REQUIRE(error <= decode_error::too_long);
    REQUIRE(offset <= frame.size());
    REQUIRE((error != decode_error::none || offset == frame.size()));
    REQUIRE(peak <= bytes_for_each * static_cast<std::ptrdiff_t>(frame.size()) + bytes_beside);
    REQUIRE(live_bytes == before);
}

template <class... Values>
outcome decode_as(std::span<const std::byte> frame) {
    outcome seen;
    (decode_all<Values>(frame, seen), ...);
    return seen;
}

outcome decode_as_everything(std::span<const std::byte> frame) {
    return decode_as<small_array, small_map, recursive, views, converted, by_hand, std::vector<small_map>,
                     std::vector<std::vector<std::vector<std::string>>>,
                     std::map<std::string, std::unordered_map<int, std::set<std::string>>>,
                     std::tuple<int, double, std::pair<std::string, std::vector<bool>>>,
                     std::vector<msgpack::object>, std::optional<std::list<double>>, std::string_view,
                     std::uint64_t>(frame);
}

std::vector<std::byte> claiming(int head, std::uint32_t count, int fill, std::size_t size) {
    std::vector<std::byte> frame{static_cast<std::byte>(head)};
    for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<std::byte>(count >> shift));
    frame.insert(frame.end(), size, static_cast<std::byte>(fill));
    return frame;
}

}  // namespace

TEST_CASE(
    "random and mutated frames never throw, never leak and never take more memory than their size allows") {
    const auto seed = chosen_seed();
    MESSAGE("LEAT_SEED=" << seed);
    frames source{seed};
    outcome all;
    for (int i = 0; i < 200'000; ++i) {
        CAPTURE(i);
        const auto frame = source.next();
        const auto seen = decode_as_everything(frame);
        all.accepted += seen.accepted;
        all.refused += seen.refused;
    }
    CHECK(all.accepted > 100'000);
    CHECK(all.refused > 100'000);
}

TEST_CASE("five bytes that claim four billion elements are refused without taking memory") {
    for (const int head : {0xdd, 0xdf, 0xdb, 0xc6, 0xc9}) {
        const auto seen = decode_as_everything(claiming(head, 0xffff'ffff, 0, 0));
        CHECK(seen.accepted == 0);
    }
}

TEST_CASE("a megabyte of nils is refused as lists of lists before it is unfolded") {
    const auto frame = claiming(0xdd, 1'000'000, 0xc0, 1'000'000);
    std::vector<std::vector<int>> out;
    const auto before = peak_bytes = live_bytes;
    CHECK(leat::decode(frame, out) == decode_error::wrong_type);
    CHECK(peak_bytes - before <= 2 * static_cast<std::ptrdiff_t>(frame.size()));
}

TEST_CASE("a megabyte of empty lists or of nils as objects stays within the expansion limit") {
    outcome seen;
    decode_all<std::vector<std::vector<int>>>(claiming(0xdd, 1'000'000, 0x90, 1'000'000), seen);
    decode_all<std::vector<msgpack::object>>(claiming(0xdd, 1'000'000, 0xc0, 1'000'000), seen);
    decode_all<std::vector<small_array>>(claiming(0xdd, 1'000'000, 0x90, 1'000'000), seen);
    CHECK(seen.accepted >= 2);

    msgpack::object any;
    const auto nils = claiming(0xdd, 1'000'000, 0xc0, 1'000'000);
    leat::decoder<msgpack::object> objects{nils, {.expansion = 1}};
    CHECK_FALSE(objects.next(any));
    CHECK(objects.error() == decode_error::too_many_elements);
}

TEST_CASE("containers that each claim all that is left take no more than one of them") {
    std::vector<std::byte> frame;
    for (int i = 0; i < 31; ++i) {
        const auto head = claiming(0xdd, 500'000, 0, 0);
        frame.insert(frame.end(), head.begin(), head.end());
    }
    frame.insert(frame.end(), 500'000, std::byte{0});
    decode_as_everything(frame);
}

TEST_CASE("containers deeper than any stack end at the depth limit") {
    for (const int head : {0x91, 0x81}) {
        const std::vector<std::byte> frame(1'000'000, static_cast<std::byte>(head));
        decode_as_everything(frame);
        msgpack::object any;
        leat::decoder<msgpack::object> objects{frame, {.depth = static_cast<std::size_t>(-1)}};
        CHECK_FALSE(objects.next(any));
        CHECK(objects.error() == decode_error::too_deep);
    }
}

TEST_CASE("a map with a million unknown keys is stepped over") {
    std::vector<std::byte> frame = claiming(0xdf, 1'000'000, 0, 0);
    for (int i = 0; i < 1'000'000; ++i) {
        frame.push_back(std::byte{0xa1});
        frame.push_back(std::byte{'x'});
        frame.push_back(std::byte{0});
    }
    const auto seen = decode_as<small_map, recursive>(frame);
    CHECK(seen.accepted == 2);
}
