// FieldReader: takes typed fields out of one object's tree and notes what has the wrong type. Fields that are absent
// or null read as the default; after a complaint `refused()` is true and what was read is not to be used.
#pragma once

#include "config/kubernetes/objects.h"
#include "config/kubernetes/tree.h"
#include "config/problem.h"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

class FieldReader {
 public:
  static constexpr std::size_t longest_text = 8192;
  static constexpr std::size_t longest_name = 253;

  FieldReader(std::string file, std::string object, std::vector<Problem>& problems)
      : file_(std::move(file)), object_(std::move(object)), problems_(problems) {}

  bool refused() const { return refused_; }
  void refuse(const Value& at, const std::string& words);

  // An absent value unless the field is of that kind.
  Value map(const Value& parent, std::string_view field);
  Value list(const Value& parent, std::string_view field);

  std::string text(const Value& parent, std::string_view field, std::size_t longest = longest_text);
  // An object's name as Kubernetes allows: at most 253 printable ASCII characters without space and slash.
  std::string name(const Value& parent, std::string_view field);
  bool boolean(const Value& parent, std::string_view field, bool otherwise);
  std::int64_t integer(const Value& parent, std::string_view field, std::int64_t otherwise, std::int64_t least,
                       std::int64_t most);
  std::uint16_t port_number(const Value& parent, std::string_view field);
  // IntOrString
  PortRef port(const Value& parent, std::string_view field);
  std::vector<std::string> texts(const Value& parent, std::string_view field);
  TextMap text_map(const Value& parent, std::string_view field, bool (*wanted)(std::string_view key));

  // The text of an item or field that was found already.
  std::string text_of(const Value& value, std::size_t longest = longest_text);

 private:
  Value of_kind(const Value& parent, std::string_view field, Tree::Kind kind, std::string_view words);

  std::string file_;
  std::string object_;
  std::vector<Problem>& problems_;
  bool refused_ = false;
};

}  // namespace gatehouse::kubernetes
