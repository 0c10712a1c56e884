// Chunked bodies that are refused: rows F12-F15 of the threat table (docs/threat_model.md).
#pragma once

#include <string_view>
#include <vector>

namespace gatehouse::hostile {

using namespace std::string_view_literals;

struct Body {
  std::string_view row;
  std::string_view bytes;
};

// F12 is of the size, F13 of line ends, F14 of extensions, F15 of trailers.
inline const std::vector<Body> refused_bodies = {
    {"F12", "+5\r\nhello\r\n0\r\n\r\n"},
    {"F12", "-1\r\nhello\r\n0\r\n\r\n"},
    {"F12", "0x5\r\nhello\r\n0\r\n\r\n"},
    {"F12", "1_0\r\nhello\r\n0\r\n\r\n"},
    {"F12", "0_2e\r\nhello\r\n0\r\n\r\n"},
    {"F12", " 5\r\nhello\r\n0\r\n\r\n"},
    {"F12", "5 \r\nhello\r\n0\r\n\r\n"},
    {"F12", "\t5\r\nhello\r\n0\r\n\r\n"},
    {"F12", "5\t\r\nhello\r\n0\r\n\r\n"},
    {"F12", "\r\nhello\r\n0\r\n\r\n"},
    {"F12", "FFFFFFFFFFFFFFFF0\r\nhello\r\n"},
    {"F12", "10000000000000005\r\nhello\r\n"},
    {"F12", "00000000000000005\r\nhello\r\n0\r\n\r\n"},
    {"F12", "FFFFFFFFFFFFFFFF\r\nhello\r\n"},
    {"F12", "8000000000000000\r\nhello\r\n"},
    {"F12", "1these\r\nare\r\n"},
    {"F12", "g\r\nhello\r\n"},
    {"F12", "5h\r\nhello\r\n"},
    {"F12", "5, 5\r\nhello\r\n"},
    {"F12", "\0005\r\nhello\r\n"sv},
    {"F12", "5\0\r\nhello\r\n"sv},
    {"F13", "5\nhello\r\n0\r\n\r\n"},
    {"F13", "5\rhello\r\n0\r\n\r\n"},
    {"F13", "5\r\r;ABCD\r\nhello\r\n"},
    {"F13", "5\r\nhello\n0\r\n\r\n"},
    {"F13", "5\r\nhello0\r\n\r\n"},
    {"F13", "5\r\nhello!!\r\n0\r\n\r\n"},
    {"F13", "5\r\nhello\r0\r\n\r\n"},
    {"F13", "0\r\n\n"},
    {"F13", "0\n\r\n"},
    {"F13", "0\n\n"},
    {"F13", "\n5\r\nhello\r\n"},
    {"F13", "5\r\nhello\r\n\r\n0\r\n\r\n"},
    {"F14", "5;\r\nhello\r\n0\r\n\r\n"},
    {"F14", "5;bad[=x\r\nhello\r\n0\r\n\r\n"},
    {"F14", "5;a\rX\r\nhello\r\n0\r\n\r\n"},
    {"F14", "5;\nhello\r\n0\r\n\r\n"},
    {"F14", "5;a\x01\r\nhello\r\n"},
    {"F14", "5;a\0\r\nhello\r\n"sv},
    {"F14", "5;a\x7f\r\nhello\r\n"},
    {"F14", "5;a\xff\r\nhello\r\n"},
    {"F14", "5;=x\r\nhello\r\n"},
    {"F14", "5 ;a\r\nhello\r\n"},
    {"F14", "5;a\n\r\nhello\r\n"},
    {"F14", "0;\r\n\r\n"},
    {"F14", "0;a\n\r\n"},
    {"F15", "0\r\nNoColon\r\n\r\n"},
    {"F15", "0\r\nX : 1\r\n\r\n"},
    {"F15", "0\r\n X: 1\r\n\r\n"},
    {"F15", "0\r\nX: 1\r\n folded\r\n\r\n"},
    {"F15", "0\r\nX: 1\n\r\n"},
    {"F15", "0\r\nX: a\rb\r\n\r\n"},
    {"F15", "0\r\n: 1\r\n\r\n"},
    {"F15", "0\r\nX: \0\r\n\r\n"sv},
};

}  // namespace gatehouse::hostile
