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
  void warn(int line, std::string words) const { report(Severity::warning, line, std::move(words)); }
  void error(int line, std::string words) const { report(Severity::error, line, std::move(words)); }

 private:
  void report(Severity severity, int line, std::string words) const {
    problems_.push_back(
        {meta_.origin.file_name(), line > 0 ? line : meta_.origin.line.number, 0, severity, text(), std::move(words)});
  }

  std::string_view kind_;
  const kubernetes::Meta& meta_;
  std::vector<Problem>& problems_;
};

// Whether `a` comes before `b` in the total order of objects: creationTimestamp (unknown last), namespace, name.
inline bool is_older(const kubernetes::Meta& a, const kubernetes::Meta& b) {
  const std::string& x = a.notes().created;
  const std::string& y = b.notes().created;
  if (x != y) return !x.empty() && (y.empty() || x < y);
  return a.name < b.name;
}

}  // namespace gatehouse
