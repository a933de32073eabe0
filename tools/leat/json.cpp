#include "json.hpp"

#include "exit_code.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <vector>

namespace leat::command {
namespace {

using nlohmann::json;

/// Writes msgpack as the parser goes along. How many elements a container has is known at its end only: its
/// header, written then, goes in front of the elements.
class msgpack_writer final : public nlohmann::json_sax<json> {
public:
    explicit msgpack_writer(std::string& out) : out_(out), packer_(*this) {}

    void write(const char* data, std::size_t size) { out_.append(data, size); }  // for the packer

    bool null() override {
        return count([&] { packer_.pack_nil(); });
    }
    bool boolean(bool value) override {
        return count([&] { packer_.pack(value); });
    }
    bool number_integer(std::int64_t value) override {
        return count([&] { packer_.pack(value); });
    }
    bool number_unsigned(std::uint64_t value) override {
        return count([&] { packer_.pack(value); });
    }
    bool number_float(double value, const std::string& text) override {
        if (text.find_first_of(".eE") == std::string::npos)
            throw failure{"the number " + text + " does not fit 64 bits"};
        return count([&] { pack_float(value); });
    }
    bool string(std::string& value) override {
        return count([&] { packer_.pack(value); });
    }
    bool binary(json::binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(); }
    bool key(std::string& value) override {
        packer_.pack(value);
        return true;
    }
    bool end_object() override {
        return close([this](std::uint32_t size) { packer_.pack_map(size); });
    }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override {
        return close([this](std::uint32_t size) { packer_.pack_array(size); });
    }
    bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& why) override {
        throw failure{"not JSON at byte " + std::to_string(at) + reason(why.what())};
    }

private:
    struct container {
        std::size_t begin;
        std::uint32_t size;
    };

    /// The parser's own words, without its name and place.
    static std::string reason(std::string text) {
        const auto at = text.find("syntax error");
        if (at == std::string::npos) {
            const auto number = text.find("number overflow");
            return number == std::string::npos ? std::string{} : ": the number is out of range";
        }
        text.erase(0, at);
        const auto dash = text.find(" - ");
        return dash == std::string::npos ? ": " + text : ": " + text.substr(dash + 3);
    }

    /// As a float also when it is whole, which the packer would write as an integer.
    void pack_float(double value) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        out_ += '\xcb';
        for (int shift = 56; shift >= 0; shift -= 8) out_ += static_cast<char>(bits >> shift & 0xFF);
    }

    bool count(auto&& pack) {
        if (!open_.empty()) ++open_.back().size;
        pack();
        return true;
    }
    bool open() {
        if (open_.size() == json_depth) throw failure{"nested deeper than " + std::to_string(json_depth)};
        if (!open_.empty()) ++open_.back().size;
        open_.push_back({out_.size(), 0});
        return true;
    }
    bool close(auto&& pack_header) {
        const auto done = open_.back();
        open_.pop_back();
        const auto end = out_.size();
        pack_header(done.size);
        std::rotate(out_.begin() + static_cast<std::ptrdiff_t>(done.begin),
                    out_.begin() + static_cast<std::ptrdiff_t>(end), out_.end());
        return true;
    }

    std::string& out_;
    msgpack::packer<msgpack_writer> packer_;
    std::vector<container> open_;
};

/// The length of the UTF-8 sequence that `text` begins with, or 0 when that is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned from = 0x80, unsigned to = 0xBF) {
        return i < text.size() && byte(i) >= from && byte(i) <= to;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool second = follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
        return second && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool second = follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
        return second && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

void write_string(std::string_view text, std::string& out) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const char c = text.front();
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else if (c == '"' || c == '\\') {
            (out += '\\') += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') {
            out += "\\u00";
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

/// RFC 4648, section 4.
void write_base64(std::string_view bytes, std::string& out) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out += '"';
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](std::size_t at) -> unsigned {
            return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
        };
        const unsigned three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        out += digits[three >> 18];
        out += digits[three >> 12 & 63];
        out += i + 1 < bytes.size() ? digits[three >> 6 & 63] : '=';
        out += i + 2 < bytes.size() ? digits[three & 63] : '=';
    }
    out += '"';
}

template <class Number>
void write_number(Number value, std::string& out) {
    char text[32];
    const auto done = std::to_chars(std::begin(text), std::end(text), value);
    out.append(text, done.ptr);
}

template <class Float>
void write_float(Float value, std::string& out) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    const auto begin = out.size();
    write_number(value, out);
    if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void write_key(const msgpack::object& key, std::string& out) {
    if (key.type == msgpack::type::STR) return write_string({key.via.str.ptr, key.via.str.size}, out);
    std::string text;
    msgpack_to_json(key, text);
    write_string(text, out);
}

}  // namespace

void json_to_msgpack(std::string_view text, buffer& out) {
    std::string packed;
    msgpack_writer writer{packed};
    json::sax_parse(text, &writer);
    out.write(packed.data(), packed.size());
}

void msgpack_to_json(const msgpack::object& value, std::string& out) {
    using namespace msgpack::type;
    const auto& v = value.via;
    switch (value.type) {
        case NIL:
            out += "null";
            break;
        case BOOLEAN:
            out += v.boolean ? "true" : "false";
            break;
        case POSITIVE_INTEGER:
            write_number(v.u64, out);
            break;
        case NEGATIVE_INTEGER:
            write_number(v.i64, out);
            break;
        case FLOAT32:
            write_float(static_cast<float>(v.f64), out);
            break;
        case FLOAT64:
            write_float(v.f64, out);
            break;
        case STR:
            write_string({v.str.ptr, v.str.size}, out);
            break;
        case BIN:
            out += "{\"base64\":";
            write_base64({v.bin.ptr, v.bin.size}, out);
            out += '}';
            break;
        case EXT:
            out += "{\"ext\":";
            write_number(int{v.ext.type()}, out);
            out += ",\"base64\":";
            write_base64({v.ext.data(), v.ext.size}, out);
            out += '}';
            break;
        case ARRAY:
            out += '[';
            for (std::uint32_t i = 0; i < v.array.size; ++i) {
                if (i > 0) out += ',';
                msgpack_to_json(v.array.ptr[i], out);
            }
            out += ']';
            break;
        case MAP:
            out += '{';
            for (std::uint32_t i = 0; i < v.map.size; ++i) {
                if (i > 0) out += ',';
                write_key(v.map.ptr[i].key, out);
                out += ':';
                msgpack_to_json(v.map.ptr[i].val, out);
            }
            out += '}';
            break;
    }
}

}  // namespace leat::command
