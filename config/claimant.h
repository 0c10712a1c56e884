// Claimant: the object, and the line in it, that a problem of translation is about.
#pragma once

#include "config/kubernetes/objects.h"
#include "config/problem.h"

#include <string>
#include <vector>

namespace gatehouse {

class Claimant {
 public:
  // `meta` and `problems` outlive it.
  Claimant(std::string_view kind, const kubernetes::Meta& meta, std::vector<Problem>& problems)
      : kind_(kind), meta_(meta), problems_(problems) {}

  std::string text() const { return std::string(kind_) + " " + meta_.name.text(); }
  // `line` 0: the object's own.
  void warn(int line, std::string words, std::string_view reason = {}) const {
    report(Severity::warning, line, std::move(words), reason);
  }
  void error(int line, std::string words, std::string_view reason = {}) const {
    report(Severity::error, line, std::move(words), reason);
  }

 private:
  void report(Severity severity, int line, std::string words, std::string_view reason) const {
    problems_.push_back({meta_.origin.file_name(), line > 0 ? line : meta_.origin.line.number, 0, severity, text(),
                         std::move(words), reason});
  }

  std::string_view kind_;
  const kubernetes::Meta& meta_;
  std::vector<Problem>& problems_;
};

// Where unknown comes last.
inline WallTime age_of(const kubernetes::Meta& meta) {
  const WallTime created = meta.created();
  return created == WallTime() ? WallTime::max() : created;
}

// Whether `a` comes before `b` in the total order of objects: creationTimestamp (unknown last), namespace, name.
inline bool is_older(const kubernetes::Meta& a, const kubernetes::Meta& b) {
  const WallTime x = age_of(a), y = age_of(b);
  return x != y ? x < y : a.name < b.name;
}

}  // namespace gatehouse
