// ShardedMap: an immutable map from text. A changed one is made of it at the cost of what changes: the rest is shared
// between the two, shard by shard. ◦ Look-ups cost two hashes whatever the size. Any thread; values are handed out by
// const reference and live as long as some map that has them.
#pragma once

#include <bit>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gatehouse {

template <class T>
class ShardedMap {
 public:
  using Entry = std::pair<std::string, T>;

  ShardedMap() = default;
  // Of two with one key the first counts.
  explicit ShardedMap(std::vector<Entry> entries)
      : ShardedMap(ShardedMap(shards_for(entries.size())).changed({}, std::move(entries))) {}

  // Null: it is not there.
  const T* find(std::string_view key) const {
    if (size_ == 0) return nullptr;
    const Shard* const shard = shards_[place_of(key)].get();
    if (shard == nullptr) return nullptr;
    const auto found = shard->find(key);
    return found == shard->end() ? nullptr : &found->second;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // In no order. `use(key, value)`
  template <class Use>
  void each(Use use) const {
    for (const auto& shard : shards_)
      if (shard)
        for (const auto& [key, value] : *shard) use(std::string_view(key), value);
  }

  // Without the entries of `gone`, where there are such, and then with `entries`; of two with one key the first counts.
  ShardedMap changed(const std::vector<std::string>& gone, std::vector<Entry> entries) const {
    const std::size_t most = size_ + entries.size();
    ShardedMap next = most > most_in_shard * shards_.size() ? in_shards(shards_for(2 * most)) : *this;
    std::vector<Shard*> own(next.shards_.size());  // those that are not shared
    const auto shard_of = [&](std::string_view key) -> Shard& {
      const std::size_t place = next.place_of(key);
      if (own[place] == nullptr) {
        auto& shared = next.shards_[place];
        auto copy = shared ? std::make_shared<Shard>(*shared) : std::make_shared<Shard>();
        own[place] = copy.get();
        shared = std::move(copy);
      }
      return *own[place];
    };
    for (const std::string& key : gone)
      if (next.find(key) != nullptr) next.size_ -= shard_of(key).erase(key);
    for (Entry& entry : entries)
      next.size_ += shard_of(entry.first).try_emplace(std::move(entry.first), std::move(entry.second)).second ? 1 : 0;
    return next;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Shard = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  static constexpr std::size_t meant_in_shard = 10, most_in_shard = 40;

  static std::size_t shards_for(std::size_t entries) { return std::bit_ceil(entries / meant_in_shard + 1); }
  explicit ShardedMap(std::size_t shards) : shards_(shards) {}

  // The upper bits: the lower ones are the shard's own.
  std::size_t place_of(std::string_view key) const { return (Hash()(key) >> 40U) & (shards_.size() - 1); }

  ShardedMap in_shards(std::size_t shards) const {
    std::vector<Entry> entries;
    entries.reserve(size_);
    each([&](std::string_view key, const T& value) { entries.emplace_back(key, value); });
    return ShardedMap(shards).changed({}, std::move(entries));
  }

  std::size_t size_ = 0;
  std::vector<std::shared_ptr<const Shard>> shards_;  // null: nothing in it
};

}  // namespace gatehouse
