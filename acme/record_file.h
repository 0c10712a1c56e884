// A record as the text of a file, and back:
//
//   Checksum: sha256 8f43…        of everything after this line
//   Record: certificate letsencrypt-example.com-0c2a33f1b5d6e7a8
//   names: example.com www.example.com
//   …
//   Contents: tls.key 241 tls.crt 3721
//
//   -----BEGIN PRIVATE KEY-----
//
// Fields that are PEM stand below, keys first, so that other software can use a certificate's file as it is: readers
// of PEM pass over what comes before (RFC 7468 §2). A line break in another field is followed by a space; a field with
// other control bytes stands below as well.
#pragma once

#include "acme/records.h"
#include "base/result.h"

#include <string>
#include <string_view>

namespace gatehouse::acme {

constexpr std::size_t max_record_bytes = 2 * 1024 * 1024;

std::string_view kind_name(RecordKind kind);  // account, certificate, order, ledger, challenge

// 1 to 200 of [a-z0-9._-], the first a letter, a digit or `_`: never a path, never a hidden file.
bool is_record_name(std::string_view name);

// Fails (internal) when it could not be read back: a bad name of record or field, too large.
Result<std::string> file_text(const Record& record);

// bad_configuration says what is wrong, beginning with a verb: `is cut short or was changed …`.
Result<Record> parse_file_text(std::string_view text, RecordKind kind, std::string_view name);

}  // namespace gatehouse::acme
