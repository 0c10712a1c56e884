// Untrusted text made safe to print: no byte of a client, an upstream or a manifest reaches a log, a terminal or a
// JSON document unescaped. One line in stays one line out.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse {

// Appends `text` with control bytes, backslash and everything outside ASCII as \n, \t, \\ or \xHH. `quote`, when
// given, is escaped as well: for text between quotes.
void append_printable(std::string& out, std::string_view text, char quote = '\0');
std::string printable(std::string_view text);

// Appends `text` as a JSON string with its quotes (RFC 8259 §7). Well-formed UTF-8 stays; C0, DEL and C1 controls are
// escaped; a byte that is not UTF-8 appears as \u00HH.
void append_json_string(std::string& out, std::string_view text);

}  // namespace gatehouse
