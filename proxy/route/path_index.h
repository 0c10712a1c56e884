// PathIndex: routes of one host, found by path. A hash of the paths, probed at the element boundaries where a Prefix
// can end, longest first: ten thousand paths on one host cost no more than ten. Immutable.
#pragma once

#include "proxy/route/path_match.h"
#include "proxy/route/regex.h"
#include "proxy/route/route.h"

#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

class PathIndex {
 public:
  // Routes of one host in matching order; they outlive the index.
  explicit PathIndex(std::vector<const HttpRoute*> routes);
  PathIndex(const PathIndex&) = delete;
  PathIndex& operator=(const PathIndex&) = delete;

  // The first route whose path matches the normalised `path`; null: none. `tls_only` routes need `over_tls`.
  const HttpRoute* find(std::string_view path, bool over_tls) const;

 private:
  // A rank is a position in matching order.
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Slot {
    std::string_view path;
    PathKind kind = PathKind::exact;
    std::uint32_t rank_plain = none;
    std::uint32_t rank_over_tls = none;  // never later than rank_plain; none: the slot is free
  };
  struct RegexRoute {
    Regex regex;
    std::uint32_t rank;
  };

  void add(std::uint32_t rank);
  void add_regex(std::uint32_t rank);
  std::size_t slot_of(PathKind kind, std::string_view path) const;
  std::uint32_t rank_of(PathKind kind, std::string_view path, bool over_tls) const;
  std::uint32_t earlier_regex(std::uint32_t best, std::string_view path, bool over_tls) const;

  std::vector<const HttpRoute*> routes_;       // by rank
  std::vector<Slot> slots_;                    // open addressing; a power of two, at most half full
  std::vector<std::uint32_t> prefix_lengths_;  // the different ones, longest first
  std::vector<RegexRoute> regexes_;            // by rank
  std::forward_list<std::string> rewritten_;   // paths that were not in normal form
  bool has_exact_ = false;
  bool longest_wins_ = true;  // no overlay and no explicit priority: the first Exact or Prefix found is the earliest
};

}  // namespace gatehouse
