// What a file is that is no text: told by its first bytes, not by its name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast::io {

enum class Archive : std::uint8_t {
    none,
    gzip,
    zstd,
    bzip2,
    xz,
    lz4,
    zip,
    seven_zip,
    compress,  ///< `.Z`
    snappy,    ///< Framed.
    lzip,
    lzop,
};

/// What a file that begins so is. Bound: looks at no more than 10 bytes; of fewer it says what they are
/// surely.
inline Archive archive_of(std::span<const std::byte> head) {
    using namespace std::string_view_literals;
    struct Magic {
        std::string_view begins;
        Archive archive;
    };
    static constexpr std::array magics{
        Magic{"\x1f\x8b\x08"sv, Archive::gzip},
        Magic{"\x28\xb5\x2f\xfd"sv, Archive::zstd},
        Magic{"\xfd"
              "7zXZ\0"sv,
              Archive::xz},
        Magic{"\x04\x22\x4d\x18"sv, Archive::lz4},
        Magic{"PK\x03\x04"sv, Archive::zip},
        Magic{"PK\x05\x06"sv, Archive::zip},
        Magic{"7z\xbc\xaf\x27\x1c"sv, Archive::seven_zip},
        Magic{"\x1f\x9d"sv, Archive::compress},
        Magic{"\xff\x06\0\0sNaPpY"sv, Archive::snappy},
        Magic{"LZIP\x01"sv, Archive::lzip},
        Magic{"\x89LZO\0\r\n\x1a\n"sv, Archive::lzop},
    };
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    for (const Magic& magic : magics)
        if (text.starts_with(magic.begins)) return magic.archive;
    // A text may begin with BZh; a block's or the end's mark follows where it is one.
    const bool is_bzip2 =
        text.size() >= 10 && text.starts_with("BZh") && text[3] >= '1' && text[3] <= '9' &&
        (text.substr(4, 6) == "1AY&SY"sv || text.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv);
    if (is_bzip2) return Archive::bzip2;
    // Frames that zstd (and lz4) skip stand before others.
    const bool is_skippable =
        text.size() >= 4 && (text[0] & 0xf0) == 0x50 && text.substr(1, 3) == "\x2a\x4d\x18"sv;
    return is_skippable ? Archive::zstd : Archive::none;
}

inline std::string_view name_of(Archive archive) {
    static constexpr std::array<std::string_view, 12> names{"none",     "gzip",   "zstd", "bzip2",
                                                            "xz",       "lz4",    "zip",  "7z",
                                                            "compress", "snappy", "lzip", "lzop"};
    return names[static_cast<std::size_t>(archive)];
}

/// Can `decompress = "auto"` read it?
inline bool is_unpacked(Archive archive) {
    return archive == Archive::gzip || archive == Archive::zstd;
}

}  // namespace holdfast::io
