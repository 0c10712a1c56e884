#include "proxy/route/path_index.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace gatehouse {

PathIndex::PathIndex(std::vector<const HttpRoute*> routes)
    : routes_(std::move(routes)), slots_(std::bit_ceil(routes_.size() * 2)) {
  for (std::uint32_t rank = 0; rank < routes_.size(); ++rank) add(rank);
  std::sort(prefix_lengths_.begin(), prefix_lengths_.end(), std::greater<>());
  prefix_lengths_.erase(std::unique(prefix_lengths_.begin(), prefix_lengths_.end()), prefix_lengths_.end());
  prefix_lengths_.shrink_to_fit();
}

void PathIndex::add(std::uint32_t rank) {
  const HttpRoute& route = *routes_[rank];
  if (!route.creates_host || route.priority != 0) longest_wins_ = false;
  const PathKind kind = path_kind_of(route);
  if (kind == PathKind::regex) return add_regex(rank);
  std::string storage;
  std::string_view path = comparable_path(route, storage);
  if (!storage.empty()) path = rewritten_.emplace_front(path);
  Slot& slot = slots_[slot_of(kind, path)];
  const bool is_new = slot.rank_over_tls == none;
  if (is_new) slot = {path, kind, none, rank};
  if (slot.rank_plain == none && !route.tls_only) slot.rank_plain = rank;
  if (kind == PathKind::exact) has_exact_ = true;
  if (is_new && kind == PathKind::prefix) prefix_lengths_.push_back(static_cast<std::uint32_t>(path.size()));
}

void PathIndex::add_regex(std::uint32_t rank) {
  auto regex = Regex::compile(routes_[rank]->path);
  if (regex) regexes_.push_back({std::move(*regex), rank});
}

std::size_t PathIndex::slot_of(PathKind kind, std::string_view path) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = std::hash<std::string_view>()(path) & mask;
  while (slots_[at].rank_over_tls != none && (slots_[at].kind != kind || slots_[at].path != path)) at = (at + 1) & mask;
  return at;
}

std::uint32_t PathIndex::rank_of(PathKind kind, std::string_view path, bool over_tls) const {
  const Slot& slot = slots_[slot_of(kind, path)];
  return over_tls ? slot.rank_over_tls : slot.rank_plain;
}

std::uint32_t PathIndex::earlier_regex(std::uint32_t best, std::string_view path, bool over_tls) const {
  for (const auto& [regex, rank] : regexes_) {
    if (rank >= best) break;
    if ((over_tls || !routes_[rank]->tls_only) && regex.found_in(path)) return rank;
  }
  return best;
}

const HttpRoute* PathIndex::find(std::string_view path, bool over_tls) const {
  std::uint32_t best = has_exact_ ? rank_of(PathKind::exact, path, over_tls) : none;
  for (const std::uint32_t length : prefix_lengths_) {
    if (best != none && longest_wins_) break;
    const bool ends_element = length == 0 || length == path.size() || (length < path.size() && path[length] == '/');
    if (ends_element) best = std::min(best, rank_of(PathKind::prefix, path.substr(0, length), over_tls));
  }
  best = earlier_regex(best, path, over_tls);
  return best == none ? nullptr : routes_[best];
}

}  // namespace gatehouse
