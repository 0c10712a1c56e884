// The fields of a record, written and read one by one. A reader remembers the first thing that is wrong and goes on
// with empty values, so that a decoder reads as the list of its fields and asks once, at the end.
#pragma once

#include "acme/records.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

class FieldWriter {
 public:
  explicit FieldWriter(Record& record) : fields_(record.fields) {}
  void text(const char* field, std::string value) { fields_[field] = std::move(value); }
  void words(const char* field, const std::vector<std::string>& words);
  void names(const char* field, const std::vector<HostName>& names);
  void time(const char* field, WallTime time);

 private:
  std::map<std::string, std::string>& fields_;
};

class FieldReader {
 public:
  FieldReader(const Record& record, RecordKind expected);

  bool has(const std::string& field) const { return record_.fields.contains(field); }
  std::string text(const std::string& field, std::size_t max);
  // Printable ASCII without spaces; `word` is not empty.
  std::string word(const std::string& field, std::size_t max);
  std::string optional_word(const std::string& field, std::size_t max);
  std::vector<std::string> words(const std::string& field, std::size_t max_count, std::size_t max);
  std::vector<HostName> names(const std::string& field, std::size_t max_count);  // at least one
  std::string pem(const std::string& field, std::size_t max);
  WallTime time(const std::string& field);
  bool flag(const std::string& field);

  void complain(const std::string& field, std::string_view words);
  template <class T>
  Result<T> checked(T value) {
    if (trouble_.empty()) return value;
    return Failure(FailureKind::bad_configuration, trouble_);
  }

 private:
  const Record& record_;
  std::string trouble_;
};

// The pieces between separators; none of an empty text.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace gatehouse::acme
