// labelSelector and fieldSelector.
#pragma once

#include "tests/doubles/kubernetes/object_store.h"

namespace gatehouse::kubernetes::fake {

class Selector {
 public:
  // Returns the complaint; empty: it could be read.
  std::string read(std::string_view labels, std::string_view fields, const ResourceType& type);

  bool everything() const { return terms_.empty(); }
  bool matches(const json::object& object) const;

 private:
  struct Term {
    enum class Test : std::uint8_t { one_of, none_of, exists, is_absent } test;
    bool label = true;
    std::string key;
    std::vector<std::string> values = {};
  };
  bool read_label(std::string_view text);
  std::string read_field(std::string_view text, const ResourceType& type);
  static bool matches(const Term& term, const json::object& object);

  std::vector<Term> terms_;
};

}  // namespace gatehouse::kubernetes::fake
